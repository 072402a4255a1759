-- Brings a tenant's removed schedule back; if it would have run meanwhile, it runs once, at once.
-- :exec
with changed as (
    update schedules
    set deleted_at = null
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and deleted_at is not null
    returning
        id,
        name
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'schedule' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name, 'restored', true) as metadata
from changed;
