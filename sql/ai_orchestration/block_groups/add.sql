-- Adds a block group to the draft of a tenant's workflow, inside another one if that is given, and gives its id.
-- None if the workflow is removed or another tenant's; a group of another workflow is refused by the foreign key.
-- :optional
\if :{?config} \else \set config {} \endif
\if :{?position_x} \else \set position_x 0 \endif
\if :{?position_y} \else \set position_y 0 \endif
\if :{?width} \else \set width 400 \endif
\if :{?height} \else \set height 300 \endif
with workflow as (
    update workflows
    set updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning id
)

insert into block_groups (
    workflow_id, name, type, config, parent_group_id, position_x, position_y, width, height, created_at, updated_at
)
select
    workflow.id,
    :'name' as name,
    :'type' as type,
    :'config' as config,
    :'parent_group_id' as parent_group_id,
    :'position_x' as position_x,
    :'position_y' as position_y,
    :'width' as width,
    :'height' as height,
    clock_timestamp() as created_at,
    clock_timestamp() as updated_at
from workflow
returning id;
