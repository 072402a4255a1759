-- Puts a block group of a tenant's workflow into another one with all that is in it, or without one outside any.
-- Into itself, or into a group inside it, is refused by the database.
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
    parent_group_id = :'parent_group_id',
    updated_at = clock_timestamp()
from workflow
where
    block_groups.id = :'block_group_id'
    and block_groups.workflow_id = workflow.id;
