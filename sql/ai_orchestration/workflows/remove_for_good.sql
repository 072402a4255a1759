-- Deletes a tenant's workflow with its steps, edges and groups, removed before or not: for administrators.
-- One that was published, ran or has a schedule or a webhook is refused by the foreign keys of those.
-- :exec
with changed as (
    delete from workflows
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
    returning
        id,
        name
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'workflow' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name, 'for_good', true) as metadata
from changed;
