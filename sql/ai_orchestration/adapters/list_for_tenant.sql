-- The adapters a tenant may use: the global ones and its own, removed and disabled ones left out.
-- :many
select
    adapter.id,
    adapter.tenant_id is null as is_global,
    adapter.name,
    adapter.description,
    adapter.type,
    adapter.config,
    adapter.input_schema,
    adapter.output_schema
from adapters as adapter
where
    (adapter.tenant_id = :'tenant_id' or adapter.tenant_id is null)
    and adapter.enabled
    and adapter.deleted_at is null
order by adapter.name, adapter.id;
