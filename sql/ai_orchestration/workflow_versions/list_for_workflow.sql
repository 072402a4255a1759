-- The published versions of a tenant's workflow, newest first, without their definitions.
-- :many
select
    published.id,
    published.version,
    published.published_by,
    published.published_at
from workflow_versions as published
inner join workflows as workflow on published.workflow_id = workflow.id
where
    workflow.id = :'workflow_id'
    and workflow.tenant_id = :'tenant_id'
    and published.tenant_id = :'tenant_id'
order by published.version desc;
