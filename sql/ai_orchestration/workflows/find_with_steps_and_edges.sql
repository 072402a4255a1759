-- One workflow of a tenant as a graph, or none if it is deleted or another tenant's.
-- Steps and edges come oldest first; a workflow without any has an empty list of them.
-- They have no tenant of their own: the workflow they are read through has it.
-- :optional
select
    workflow.id,
    workflow.tenant_id,
    workflow.name,
    workflow.description,
    workflow.status,
    workflow.version,
    workflow.input_schema,
    workflow.output_schema,
    workflow.created_by,
    workflow.published_at,
    workflow.created_at,
    workflow.updated_at,
    workflow.deleted_at,
    coalesce((
        select jsonb_agg(step order by step.created_at, step.id)
        from (
            select
                step.id,
                step.workflow_id,
                step.name,
                step.type,
                step.config,
                step.position_x,
                step.position_y,
                step.block_group_id,
                step.group_role,
                step.created_at,
                step.updated_at
            from steps as step
            where step.workflow_id = workflow.id
        ) as step
    ), '[]') as steps,
    coalesce((
        select jsonb_agg(edge order by edge.created_at, edge.id)
        from (
            select
                edge.id,
                edge.workflow_id,
                edge.source_step_id,
                edge.target_step_id,
                edge.condition,
                edge.created_at
            from edges as edge
            where edge.workflow_id = workflow.id
        ) as edge
    ), '[]') as edges
from workflows as workflow
where
    workflow.id = :'workflow_id'
    and workflow.tenant_id = :'tenant_id'
    and workflow.deleted_at is null;
