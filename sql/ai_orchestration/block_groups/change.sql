-- Changes what is given of a block group in the draft of a tenant's workflow.
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

update block_groups
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
    block_groups.id = :'block_group_id'
    and block_groups.workflow_id = workflow.id;
