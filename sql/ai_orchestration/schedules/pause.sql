-- Stops a tenant's schedule until it is resumed; touches no row if it is paused already.
-- :exec
with changed as (
    update schedules
    set
        status = 'paused',
        next_run_at = null,
        worker = null,
        leased_until = null,
        attempts = 0,
        updated_at = clock_timestamp()
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and status = 'active'
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
