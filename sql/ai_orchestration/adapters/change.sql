-- Changes an adapter of the tenant's own as a whole; a global one is not touched.
-- :exec
with changed as (
    update adapters as adapter
    set
        name = :'name',
        description = :'description',
        config = :'config',
        input_schema = :'input_schema',
        output_schema = :'output_schema',
        enabled = :'enabled',
        updated_at = now()
    where
        adapter.id = :'adapter_id'
        and adapter.tenant_id = :'tenant_id'
        and adapter.deleted_at is null
    returning
        adapter.id,
        adapter.enabled
)

insert into audit_logs (tenant_id, action, resource_type, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'adapter' as resource_type,
    jsonb_build_object('adapter_id', changed.id, 'enabled', changed.enabled) as metadata
from changed;
