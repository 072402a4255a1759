-- A tenant's schedules that a worker took and did not fire within its lease: another takes them, or gives up.
-- The longest lost come first.
-- :many
\if :{?max_schedules} \else \set max_schedules 100 \endif
select
    schedule.id,
    schedule.tenant_id,
    schedule.workflow_id,
    schedule.name,
    schedule.cron_expression,
    schedule.timezone,
    schedule.next_run_at,
    schedule.worker,
    schedule.leased_until,
    schedule.attempts
from schedules as schedule
where
    schedule.tenant_id = :'tenant_id'
    and schedule.status = 'active'
    and schedule.leased_until < clock_timestamp()
    and schedule.deleted_at is null
order by schedule.leased_until, schedule.id
limit :'max_schedules';
