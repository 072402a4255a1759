-- An adapter a tenant may see, global or its own, enabled or not; none if it was removed or is another tenant's.
-- :optional
select
    adapter.id,
    adapter.tenant_id is null as is_global,
    adapter.name,
    adapter.description,
    adapter.type,
    adapter.config,
    adapter.input_schema,
    adapter.output_schema,
    adapter.enabled,
    adapter.created_at,
    adapter.updated_at
from adapters as adapter
where
    adapter.id = :'adapter_id'
    and (adapter.tenant_id = :'tenant_id' or adapter.tenant_id is null)
    and adapter.deleted_at is null;
