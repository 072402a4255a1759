-- How many workflows of a tenant are drafts and how many are published, for the dashboard; removed ones are left out.
-- row: StatusCount
-- :many
select
    workflow.status,
    count(*) as count
from workflows as workflow
where
    workflow.tenant_id = :'tenant_id'
    and workflow.deleted_at is null
group by workflow.status
order by workflow.status;
