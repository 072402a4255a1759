-- Begins a tenant's workflow as an empty draft and gives its id.
-- :one
with added as (
    insert into workflows (tenant_id, name, description, input_schema, output_schema, created_by)
    values (
        :'tenant_id',
        :'name',
        :'description',
        :'input_schema',
        :'output_schema',
        :'created_by'
    )
    returning
        id,
        name
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'create' as action,
        'workflow' as resource_type,
        added.id as resource_id,
        jsonb_build_object('name', added.name) as metadata
    from added
)

select added.id
from added;
