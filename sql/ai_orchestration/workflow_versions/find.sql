-- A published version of a tenant's workflow as it was then, the newest if no version is given; none if there is none.
-- It stays readable when the workflow is removed, as its runs do.
-- The definition is read back with its types: what the conditions ask for is never missing in what publish wrote.
-- :optional
select
    published.id,
    published.workflow_id,
    published.version,
    published.published_by,
    published.published_at,
    published.definition ->> 'name' as name,
    published.definition ->> 'description' as description,
    published.definition -> 'input_schema' as input_schema,
    published.definition -> 'output_schema' as output_schema,
    coalesce((
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
                order by entry.place
            )
        from jsonb_array_elements(published.definition -> 'steps') with ordinality as entry (content, place)
        cross join lateral
            jsonb_to_record(entry.content) as step (
                id uuid,
                name text,
                type text,
                config jsonb,
                position_x integer,
                position_y integer,
                block_group_id uuid,
                group_role text
            )
        where
            step.id is not null
            and step.name is not null
            and step.type is not null
            and step.position_x is not null
            and step.position_y is not null
    ), '[]') as steps,
    coalesce((
        select
            jsonb_agg(
                jsonb_build_object(
                    'id', edge.id,
                    'source_step_id', edge.source_step_id,
                    'target_step_id', edge.target_step_id,
                    'condition', edge.condition
                )
                order by entry.place
            )
        from jsonb_array_elements(published.definition -> 'edges') with ordinality as entry (content, place)
        cross join lateral
            jsonb_to_record(entry.content) as edge (
                id uuid,
                source_step_id uuid,
                target_step_id uuid,
                condition text
            )
        where
            edge.id is not null
            and edge.source_step_id is not null
            and edge.target_step_id is not null
    ), '[]') as edges,
    coalesce((
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
                order by entry.place
            )
        from jsonb_array_elements(published.definition -> 'block_groups') with ordinality as entry (content, place)
        cross join lateral
            jsonb_to_record(entry.content) as block_group (
                id uuid,
                name text,
                type text,
                config jsonb,
                parent_group_id uuid,
                position_x integer,
                position_y integer,
                width integer,
                height integer
            )
        where
            block_group.id is not null
            and block_group.name is not null
            and block_group.type is not null
            and block_group.position_x is not null
            and block_group.position_y is not null
            and block_group.width is not null
            and block_group.height is not null
    ), '[]') as block_groups
from workflow_versions as published
inner join workflows as workflow on published.workflow_id = workflow.id
where
    workflow.id = :'workflow_id'
    and workflow.tenant_id = :'tenant_id'
    and published.tenant_id = :'tenant_id'
\if :{?version}
    and published.version = :'version'
\endif
order by published.version desc
limit 1;
