-- One schedule of a tenant, or none if it is removed or another tenant's.
-- row: Schedule
-- :optional
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
    schedule.id = :'schedule_id'
    and schedule.tenant_id = :'tenant_id'
    and schedule.deleted_at is null;
