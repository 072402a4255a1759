-- The block groups of a tenant's workflow, outer ones before those in them, and how deep each one is.
-- :many
with recursive nested as (
    select
        block_group.id,
        block_group.workflow_id,
        0 as depth
    from block_groups as block_group
    inner join workflows as workflow on block_group.workflow_id = workflow.id
    where
        workflow.id = :'workflow_id'
        and workflow.tenant_id = :'tenant_id'
        and workflow.deleted_at is null
        and block_group.parent_group_id is null

    union all

    select
        block_group.id,
        block_group.workflow_id,
        nested.depth + 1 as depth
    from nested
    inner join block_groups as block_group
        on
            nested.id = block_group.parent_group_id
            and nested.workflow_id = block_group.workflow_id
)

select
    block_group.id,
    block_group.name,
    block_group.type,
    block_group.config,
    block_group.parent_group_id,
    nested.depth,
    block_group.position_x,
    block_group.position_y,
    block_group.width,
    block_group.height,
    block_group.created_at,
    block_group.updated_at
from nested
inner join block_groups as block_group
    on
        nested.id = block_group.id
        and nested.workflow_id = block_group.workflow_id
order by nested.depth, block_group.created_at, block_group.id;
