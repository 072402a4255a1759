-- How many runs of a tenant, created since a time, are in each status; for the dashboard.
-- row: StatusCount
-- :many
select
    run.status,
    count(*) as count
from runs as run
where
    run.tenant_id = :'tenant_id'
    and run.created_at >= :'since'
group by run.status
order by run.status;
