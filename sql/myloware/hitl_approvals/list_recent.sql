-- Who opened which gate of which run, newest first.
-- :many
\if :{?max_approvals} \else \set max_approvals 20 \endif
select
    approval.run_id,
    approval.gate,
    approval.approver,
    approval.created_at
from hitl_approvals as approval
order by approval.created_at desc, approval.id
limit :'max_approvals';
