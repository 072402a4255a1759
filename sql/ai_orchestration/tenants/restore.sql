-- Brings a removed tenant back; touches no row if it was not removed, or if retention has erased it.
-- :exec
with restored as (
    update tenants as tenant
    set deleted_at = null
    where
        tenant.id = :'tenant_id'
        and tenant.deleted_at is not null
        and tenant.erased_at is null
    returning tenant.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'tenant' as resource_type,
    restored.id as resource_id,
    '{"restored": true}' as metadata
from restored;
