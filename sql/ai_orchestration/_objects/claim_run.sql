-- Starts a pending run of a tenant, the oldest or a given one, unless as many as its settings allow are running.
-- A tenant with a limit is claimed for by one worker at a time: the lock is taken first, and the statement after it
-- counts what others committed while it waited (in read committed, which is how transactions are unless one says so).

create or replace function claim_run(of_tenant uuid, only_run uuid default null)
returns table (claimed_run_id uuid)
language plpgsql
as $$
declare
    allowed bigint;
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

    return query
    update runs
    set
        status = 'running',
        started_at = clock_timestamp()
    where
        id = (
            select run.id
            from runs as run
            where
                run.tenant_id = of_tenant
                and run.status = 'pending'
                and (only_run is null or run.id = only_run)
            order by run.created_at, run.id
            limit 1
            for update skip locked
        )
        and (
            allowed is null
            or allowed > (
                select count(*)
                from runs as other
                where
                    other.tenant_id = of_tenant
                    and other.status = 'running'
            )
        )
    returning id;
end;
$$;
