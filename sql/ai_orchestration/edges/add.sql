-- Leads from one step of a tenant's workflow to another and gives the edge's id; none if the workflow is removed or
-- another tenant's. A step of another workflow is refused by the foreign key, a second edge between two by its key.
-- :optional
with workflow as (
    update workflows
    set updated_at = clock_timestamp()
    where
        id = :'workflow_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning id
)

insert into edges (workflow_id, source_step_id, target_step_id, condition, created_at)
select
    workflow.id,
    :'source_step_id' as source_step_id,
    :'target_step_id' as target_step_id,
    :'condition' as condition,
    clock_timestamp() as created_at
from workflow
returning id;
