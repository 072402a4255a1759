-- Changes what is given of a step in the draft of a tenant's workflow.
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

update steps
set
\if :{?name}
    name = :'name',
\endif
\if :{?type}
    type = :'type',
\endif
\if :{?config}
    config = :'config',
\endif
    updated_at = clock_timestamp()
from workflow
where
    steps.id = :'step_id'
    and steps.workflow_id = workflow.id;
