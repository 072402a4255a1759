-- One workflow of a tenant, or none if it is deleted or another tenant's.
-- row: Workflow
-- :optional
select
    workflow.id,
    workflow.tenant_id,
    workflow.name,
    workflow.description,
    workflow.status,
    workflow.version,
    workflow.input_schema,
    workflow.output_schema,
    workflow.created_by,
    workflow.published_at,
    workflow.created_at,
    workflow.updated_at,
    workflow.deleted_at
from workflows as workflow
where
    workflow.id = :'workflow_id'
    and workflow.tenant_id = :'tenant_id'
    and workflow.deleted_at is null;
