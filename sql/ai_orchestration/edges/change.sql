-- Changes when an edge of a tenant's workflow is taken: on the condition, or without one always.
-- :exec
with workflow as (
    update workflows
    set updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning id
)

update edges
set
    condition = :'condition'
from workflow
where
    edges.id = :'edge_id'
    and edges.workflow_id = workflow.id;
