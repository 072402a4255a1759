-- Hides a tenant's schedule and keeps it from running until it is restored; touches no row if it is hidden already.
-- :exec
with changed as (
    update schedules
    set deleted_at = now()
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning
        id,
        name
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'schedule' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name) as metadata
from changed;
