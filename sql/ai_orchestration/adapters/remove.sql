-- Removes an adapter of the tenant's own; a global one is not touched.
-- An adapter's id is a word, so the audit log has it in the metadata.
-- :exec
with removed as (
    update adapters as adapter
    set deleted_at = now()
    where
        adapter.id = :'adapter_id'
        and adapter.tenant_id = :'tenant_id'
        and adapter.deleted_at is null
    returning adapter.id
)

insert into audit_logs (tenant_id, action, resource_type, metadata)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'adapter' as resource_type,
    jsonb_build_object('adapter_id', removed.id) as metadata
from removed;
