-- Starts a pending run of a tenant, the oldest or a given one, unless as many as its settings allow are running.
-- A run whose lease has run out comes first: its worker is lost, and it does not count as running. Its attempt is
-- counted; what was lost at_most times is given up. A tenant with a limit is claimed for by one worker at a time: the
-- lock is taken first, and the statement after it counts what others committed while it waited (in read committed,
-- which is how transactions are unless one says so).

create or replace function claim_run(
    of_tenant uuid,
    only_run uuid default null,
    by_worker text default null,
    for_lease interval default '5 minutes',
    at_most integer default 5
)
returns table (claimed_run_id uuid, claimed_attempt integer)
language plpgsql
as $$
declare
    allowed bigint;
    lost record;
    chosen uuid;
begin
    select (tenant.settings ->> 'max_concurrent_runs')::bigint
    into allowed
    from tenants as tenant
    where
        tenant.id = of_tenant
        and tenant.deleted_at is null;

    if not found then
        return;
    end if;

    if allowed is not null then
        perform
        from tenants as tenant
        where tenant.id = of_tenant
        for no key update;
    end if;

    for lost in
        select
            run.id,
            run.worker
        from runs as run
        where
            run.tenant_id = of_tenant
            and run.status = 'running'
            and run.leased_until < clock_timestamp()
            and run.attempts >= at_most
        order by run.leased_until, run.id
        limit 100
        for update skip locked
    loop
        perform fail_lost_steps(lost.id, lost.worker);

        update block_group_runs
        set
            status = 'failed',
            error = 'its run was given up',
            completed_at = clock_timestamp()
        where
            run_id = lost.id
            and status = 'running';

        update runs
        set
            status = 'failed',
            error = format('given up: its worker was lost in each of %s attempts', attempts),
            completed_at = clock_timestamp()
        where id = lost.id;
    end loop;

    if allowed is not null and allowed <= (
        select count(*)
        from runs as other
        where
            other.tenant_id = of_tenant
            and other.status = 'running'
            and other.leased_until >= clock_timestamp()
    ) then
        return;
    end if;

    select
        run.id,
        run.worker
    into lost
    from runs as run
    where
        run.tenant_id = of_tenant
        and run.status = 'running'
        and run.leased_until < clock_timestamp()
        and run.attempts < at_most
        and (only_run is null or run.id = only_run)
    order by run.leased_until, run.id
    limit 1
    for update skip locked;

    if found then
        chosen = lost.id;
        perform fail_lost_steps(lost.id, lost.worker);
    else
        select run.id
        into chosen
        from runs as run
        where
            run.tenant_id = of_tenant
            and run.status = 'pending'
            and (only_run is null or run.id = only_run)
        order by run.created_at, run.id
        limit 1
        for update skip locked;
    end if;

    return query
    update runs as run
    set
        status = 'running',
        started_at = coalesce(run.started_at, clock_timestamp()),
        worker = by_worker,
        leased_until = clock_timestamp() + for_lease,
        attempts = run.attempts + 1
    where run.id = chosen
    returning run.id, run.attempts;
end;
$$;
