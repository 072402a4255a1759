-- Takes an edge out of the draft of a tenant's workflow.
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

delete from edges
using workflow
where
    edges.id = :'edge_id'
    and edges.workflow_id = workflow.id;
