-- Adds a webhook to a tenant's workflow and gives its id; none if there is no such workflow or it was removed.
-- The input mapping says by JSONPath what of a call becomes which part of the run's input; without one, all of it does.
-- :optional
with added as (
    insert into webhooks (tenant_id, workflow_id, name, description, secret, input_mapping, created_by)
    select
        :'tenant_id' as tenant_id,
        workflow.id as workflow_id,
        :'name' as name,
        :'description' as description,
        :'secret' as secret,
        :'input_mapping' as input_mapping,
        :'created_by' as created_by
    from workflows as workflow
    where
        workflow.id = :'workflow_id'
        and workflow.tenant_id = :'tenant_id'
        and workflow.deleted_at is null
    returning
        webhooks.id,
        webhooks.workflow_id,
        webhooks.name
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'create' as action,
        'webhook' as resource_type,
        added.id as resource_id,
        jsonb_build_object('name', added.name, 'workflow_id', added.workflow_id) as metadata
    from added
)

select added.id
from added;
