-- Puts block groups where a person dragged and sized them, a set of values for each.
-- The workflow does not count as changed.
-- :batch
with workflow as (
    select workflow.id
    from workflows as workflow
    where
        workflow.id = :'workflow_id'
        and workflow.tenant_id = :'tenant_id'
        and workflow.deleted_at is null
    for no key update
)

update block_groups
set
    position_x = :'position_x',
    position_y = :'position_y',
    width = :'width',
    height = :'height'
from workflow
where
    block_groups.id = :'block_group_id'
    and block_groups.workflow_id = workflow.id;
