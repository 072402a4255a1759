-- Deletes a tenant's schedule, removed before or not: for administrators. Its runs stay.
-- :exec
with changed as (
    delete from schedules
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
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
    jsonb_build_object('name', changed.name, 'for_good', true) as metadata
from changed;
