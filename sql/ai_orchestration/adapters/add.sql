-- Adds an adapter of a tenant's own and gives its id, or none if the id is taken, be it by another tenant.
-- An adapter's id is a word, so the audit log has it in the metadata.
-- :optional
with added as (
    insert into adapters (id, tenant_id, name, description, type, config, input_schema, output_schema)
    values (
        :'adapter_id', :'tenant_id', :'name', :'description', 'custom', :'config', :'input_schema', :'output_schema'
    )
    on conflict (id) do nothing
    returning id
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        :'tenant_id' as tenant_id,
        'create' as action,
        'adapter' as resource_type,
        jsonb_build_object('adapter_id', added.id) as metadata
    from added
)

select added.id
from added;
