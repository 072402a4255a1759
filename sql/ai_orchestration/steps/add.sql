-- Adds a step to the draft of a tenant's workflow and gives its id; none if that is removed or another's.
-- Its time is that of the statement, so that steps keep the order in which one transaction added them.
-- A block group of another workflow is refused by the foreign key.
-- :optional
\if :{?config} \else \set config {} \endif
\if :{?position_x} \else \set position_x 0 \endif
\if :{?position_y} \else \set position_y 0 \endif
with workflow as (
    update workflows
    set updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning id
)

insert into steps (
    workflow_id, name, type, config, position_x, position_y, block_group_id, group_role, created_at, updated_at
)
select
    workflow.id,
    :'name' as name,
    :'type' as type,
    :'config' as config,
    :'position_x' as position_x,
    :'position_y' as position_y,
    :'block_group_id' as block_group_id,
    :'group_role' as group_role,
    clock_timestamp() as created_at,
    clock_timestamp() as updated_at
from workflow
returning id;
