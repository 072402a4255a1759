-- Puts steps where a person dragged them, a set of values for each; the workflow does not count as changed.
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

update steps
set
    position_x = :'position_x',
    position_y = :'position_y'
from workflow
where
    steps.id = :'step_id'
    and steps.workflow_id = workflow.id;
