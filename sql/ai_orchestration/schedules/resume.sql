-- Lets a tenant's paused schedule run again; what was missed meanwhile is not made up for.
-- The next time is worked out before: `dbkit.systems.ai_orchestration.scheduler.resume` does so.
-- :exec
-- next_run_at: not null
with changed as (
    update schedules
    set
        status = 'active',
        next_run_at = :'next_run_at',
        attempts = 0,
        updated_at = clock_timestamp()
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and status = 'paused'
        and deleted_at is null
    returning
        id,
        status
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'schedule' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('status', changed.status) as metadata
from changed;
