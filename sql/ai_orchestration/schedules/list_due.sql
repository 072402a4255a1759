-- A tenant's active schedules whose time has come, the longest overdue first; deleted ones are left out.
-- Nothing is claimed: another worker sees the same schedules.
-- :many
select
    schedule.id,
    schedule.tenant_id,
    schedule.workflow_id,
    schedule.workflow_version,
    schedule.name,
    schedule.description,
    schedule.cron_expression,
    schedule.timezone,
    schedule.input,
    schedule.status,
    schedule.next_run_at,
    schedule.last_run_at,
    schedule.last_run_id,
    schedule.run_count,
    schedule.created_by,
    schedule.created_at,
    schedule.updated_at,
    schedule.deleted_at,
    schedule.worker,
    schedule.leased_until,
    schedule.attempts
from schedules as schedule
where
    schedule.tenant_id = :'tenant_id'
    and schedule.status = 'active'
    and schedule.next_run_at <= now()
    and schedule.deleted_at is null
order by schedule.next_run_at, schedule.id;
