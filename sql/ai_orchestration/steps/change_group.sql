-- Puts a step of a tenant's workflow into a block group, in a role there if one is given; without a group, outside any.
-- A group of another workflow is refused by the foreign key.
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
    block_group_id = :'block_group_id',
    group_role = :'group_role',
    updated_at = clock_timestamp()
from workflow
where
    steps.id = :'step_id'
    and steps.workflow_id = workflow.id;
