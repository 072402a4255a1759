-- Begins a pass through a block group of a tenant's running run, unless it is there already.
-- The run is locked first: the statement after the lock sees an end of the run, or the pass, that was committed while
-- it waited. No key of the table could count passes, because those of a loop in a loop need not tell the pass around.

create or replace function begin_pass(
    of_tenant uuid, of_run uuid, of_group uuid, inside uuid, number integer, with_input jsonb
)
returns table (begun_id uuid)
language plpgsql
as $$
begin
    perform
    from runs as run
    where
        run.id = of_run
        and run.tenant_id = of_tenant
        and run.status = 'running'
    for no key update;

    if not found then
        return;
    end if;

    return query
    with run as (
        select
            run.id,
            run.workflow_id,
            run.workflow_version,
            run.mode
        from runs as run
        where
            run.id = of_run
            and run.tenant_id = of_tenant
    ),

    known as (
        -- a test tries the draft
        select
            run.id as run_id,
            block_group.parent_group_id,
            false as is_published
        from run
        inner join block_groups as block_group
            on
                run.workflow_id = block_group.workflow_id
                and run.mode = 'test'
        where block_group.id = of_group

        union all

        -- the foreign key wants a group that is still in the draft
        select
            run.id as run_id,
            snapshot.parent_group_id,
            true as is_published
        from run
        inner join workflow_versions as published
            on
                run.workflow_id = published.workflow_id
                and run.workflow_version = published.version
        cross join lateral
            jsonb_to_recordset(published.definition -> 'block_groups') as snapshot (id uuid, parent_group_id uuid)
        inner join block_groups as block_group
            on
                published.workflow_id = block_group.workflow_id
                and snapshot.id = block_group.id
        where block_group.id = of_group
    )

    insert into block_group_runs as begun (run_id, block_group_id, parent_run_id, iteration, input, created_at)
    select
        known.run_id,
        of_group,
        around.id,
        number,
        with_input,
        clock_timestamp()
    from known
    left join block_group_runs as around
        on
            known.run_id = around.run_id
            and known.parent_group_id = around.block_group_id
            and around.id = inside
    where
        around.id is not distinct from inside
        and not exists (
            select
            from block_group_runs as there
            where
                there.run_id = known.run_id
                and there.block_group_id = of_group
                and there.parent_run_id is not distinct from inside
                and there.iteration = number
        )
    order by known.is_published
    limit 1
    returning begun.id;
end;
$$;
