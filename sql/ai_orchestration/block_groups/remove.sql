-- Takes a block group with the groups in it out of the draft of a tenant's workflow; their steps stay, outside any.
-- Published versions keep the group; what past runs recorded of it goes with it, as the document's foreign key says.
-- :exec
with recursive workflow as (
    update workflows
    set updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning id
),

inside (id, workflow_id) as (
    select
        block_group.id,
        block_group.workflow_id
    from block_groups as block_group
    inner join workflow on block_group.workflow_id = workflow.id
    where block_group.id = :'block_group_id'

    union

    select
        block_group.id,
        block_group.workflow_id
    from inside
    inner join block_groups as block_group
        on
            inside.id = block_group.parent_group_id
            and inside.workflow_id = block_group.workflow_id
),

freed as (
    -- a part in a group means nothing without the group
    update steps
    set
        block_group_id = null,
        group_role = null,
        updated_at = clock_timestamp()
    from inside
    where
        steps.block_group_id = inside.id
        and steps.workflow_id = inside.workflow_id
)

delete from block_groups
using workflow
where
    block_groups.id = :'block_group_id'
    and block_groups.workflow_id = workflow.id;
