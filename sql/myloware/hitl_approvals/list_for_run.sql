-- Which gates of one run were opened by whom, oldest first.
-- :many
select
    approval.id,
    approval.gate,
    approval.approver,
    approval.approver_ip,
    approval.metadata,
    approval.created_at
from hitl_approvals as approval
where approval.run_id = :'run_id'
order by approval.created_at, approval.id;
