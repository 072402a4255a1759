-- Brings a removed adapter of the tenant's own back; touches no row if it was not removed.
-- :exec
with restored as (
    update adapters as adapter
    set deleted_at = null
    where
        adapter.id = :'adapter_id'
        and adapter.tenant_id = :'tenant_id'
        and adapter.deleted_at is not null
    returning adapter.id
)

insert into audit_logs (tenant_id, action, resource_type, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'adapter' as resource_type,
    jsonb_build_object('adapter_id', restored.id, 'restored', true) as metadata
from restored;
