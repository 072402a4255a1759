-- Begins the next attempt at a step of a tenant's running run, unless one is under way or has succeeded.
-- The run is locked first: the statement after the lock sees an end of the run, or an attempt, that was committed
-- while it waited. No key of the table could count attempts, because a loop that tells no passes has many first ones.
-- An attempt whose lease has run out was lost with its worker: it fails, and after at_most of them none begins.

create or replace function begin_attempt(
    of_tenant uuid, of_run uuid, of_step uuid, of_pass uuid, with_input jsonb, at_most integer default 5
)
returns table (begun_id uuid, begun_attempt integer)
language plpgsql
as $$
declare
    is_lost boolean;
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

    update step_runs
    set
        status = 'failed',
        error = 'its worker was lost',
        completed_at = clock_timestamp(),
        duration_ms = extract(epoch from clock_timestamp() - started_at) * 1000
    where
        run_id = of_run
        and step_id = of_step
        and block_group_run_id is not distinct from of_pass
        and status = 'running'
        and leased_until < clock_timestamp();

    is_lost = found;

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
            step.name,
            false as is_published
        from run
        inner join steps as step
            on
                run.workflow_id = step.workflow_id
                and run.mode = 'test'
        where step.id = of_step

        union all

        select
            run.id as run_id,
            step.name,
            true as is_published
        from run
        inner join workflow_versions as published
            on
                run.workflow_id = published.workflow_id
                and run.workflow_version = published.version
        cross join lateral jsonb_to_recordset(published.definition -> 'steps') as step (id uuid, name text)
        where step.id = of_step
    ),

    earlier as (
        select
            coalesce(max(step_run.attempt), 0) as attempt,
            coalesce(bool_and(step_run.status = 'failed'), true) as all_failed
        from step_runs as step_run
        inner join run on step_run.run_id = run.id
        where
            step_run.step_id = of_step
            and step_run.block_group_run_id is not distinct from of_pass
    )

    insert into step_runs as begun (run_id, step_id, step_name, attempt, input, block_group_run_id, created_at)
    select
        known.run_id,
        of_step,
        known.name,
        earlier.attempt + 1,
        with_input,
        pass.id,
        clock_timestamp()
    from known
    cross join earlier
    left join block_group_runs as pass
        on
            known.run_id = pass.run_id
            and pass.id = of_pass
    where
        earlier.all_failed
        and not (is_lost and earlier.attempt >= at_most)
        and pass.id is not distinct from of_pass
    order by known.is_published
    limit 1
    returning begun.id, begun.attempt;
end;
$$;
