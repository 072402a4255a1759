-- Publishes a tenant's workflow as it stands: the next version, with all that it is made of.
-- It waits for whoever edits or publishes the workflow, and only then looks at it: a statement after the lock sees
-- what was committed while it waited, which the rest of one statement would not.
-- No row comes back if the workflow is removed or another tenant's, or if the user is.

create or replace function publish_workflow(of_tenant uuid, of_workflow uuid, by_user uuid default null)
returns table (published_id uuid, published_version integer, published_time timestamptz)
language plpgsql
as $$
declare
    moment timestamptz;
begin
    perform
    from workflows as workflow
    where
        workflow.id = of_workflow
        and workflow.tenant_id = of_tenant
        and workflow.deleted_at is null
        and (
            by_user is null
            or exists (
                select
                from users as publisher
                where
                    publisher.id = by_user
                    and publisher.tenant_id = of_tenant
                    and publisher.deleted_at is null
            )
        )
    for no key update of workflow;

    if not found then
        return;
    end if;

    moment = clock_timestamp();

    return query
    with workflow as (
        update workflows
        set
            status = 'published',
            version = version + 1,
            published_at = moment,
            updated_at = moment
        where
            id = of_workflow
            and tenant_id = of_tenant
        returning id, name, description, version, input_schema, output_schema, published_at
    ),

    audited as (
        insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
        select
            of_tenant,
            'publish',
            'workflow',
            workflow.id,
            jsonb_build_object('name', workflow.name, 'version', workflow.version)
        from workflow
    )

    insert into workflow_versions as published (workflow_id, version, definition, published_by, published_at)
    select
        workflow.id,
        workflow.version,
        jsonb_build_object(
            'name', workflow.name,
            'description', workflow.description,
            'input_schema', workflow.input_schema,
            'output_schema', workflow.output_schema,
            'steps', coalesce((
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'id', step.id,
                            'name', step.name,
                            'type', step.type,
                            'config', step.config,
                            'position_x', step.position_x,
                            'position_y', step.position_y,
                            'block_group_id', step.block_group_id,
                            'group_role', step.group_role
                        )
                        order by step.created_at, step.id
                    )
                from steps as step
                where step.workflow_id = workflow.id
            ), '[]'),
            'edges', coalesce((
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'id', edge.id,
                            'source_step_id', edge.source_step_id,
                            'target_step_id', edge.target_step_id,
                            'condition', edge.condition
                        )
                        order by edge.created_at, edge.id
                    )
                from edges as edge
                where edge.workflow_id = workflow.id
            ), '[]'),
            'block_groups', coalesce((
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'id', block_group.id,
                            'name', block_group.name,
                            'type', block_group.type,
                            'config', block_group.config,
                            'parent_group_id', block_group.parent_group_id,
                            'position_x', block_group.position_x,
                            'position_y', block_group.position_y,
                            'width', block_group.width,
                            'height', block_group.height
                        )
                        order by block_group.created_at, block_group.id
                    )
                from block_groups as block_group
                where block_group.workflow_id = workflow.id
            ), '[]')
        ),
        by_user,
        workflow.published_at
    from workflow
    returning published.id, published.version, published.published_at;
end;
$$;
