-- Changes what is given of a tenant's workflow; touches no row if it is removed or another tenant's.
-- What was published stays as it was: the change is in the draft, until it is published.
-- :exec
with changed as (
    update workflows
    set
\if :{?name}
        name = :'name',
\endif
\if :{?description}
        description = :'description',
\endif
\if :{?input_schema}
        input_schema = :'input_schema',
\endif
\if :{?output_schema}
        output_schema = :'output_schema',
\endif
        updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning
        id,
        name
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'workflow' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name) as metadata
from changed;
