-- How many schedules of a tenant are active and how many paused, for the dashboard; removed ones are left out.
-- row: StatusCount
-- :many
select
    schedule.status,
    count(*) as count
from schedules as schedule
where
    schedule.tenant_id = :'tenant_id'
    and schedule.deleted_at is null
group by schedule.status
order by schedule.status;
