-- Takes a step with its edges out of the draft of a tenant's workflow; published versions and past runs keep it.
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

delete from steps
using workflow
where
    steps.id = :'step_id'
    and steps.workflow_id = workflow.id;
