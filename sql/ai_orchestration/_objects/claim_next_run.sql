-- Claims a run of any tenant, each in its turn: the one that has waited longest since a run of it began comes first.
-- A tenant that another worker claims for at this moment is passed over; it is waited for only if nobody else has work
-- and no other tenant is held, so that no two workers can wait for each other.
-- The run is read by a statement after the claim: the claim's own sees neither what it wrote nor a run that was added
-- since it began.

create or replace function claim_next_run(by_worker text, for_lease interval, at_most integer)
returns table (
    claimed_id uuid,
    claimed_tenant uuid,
    claimed_workflow uuid,
    claimed_version integer,
    claimed_mode varchar,
    claimed_input jsonb,
    claimed_attempt integer,
    claimed_until timestamptz
)
language plpgsql
as $$
declare
    candidate record;
    busy uuid;
    chosen uuid;
    is_holding boolean = false;
begin
    for candidate in
        select
            tenant.id,
            tenant.settings ? 'max_concurrent_runs' as is_limited
        from tenants as tenant
        where
            tenant.deleted_at is null
            and (
                exists (
                    select
                    from runs as lost
                    where
                        lost.tenant_id = tenant.id
                        and lost.status = 'running'
                        and lost.leased_until < clock_timestamp()
                )
                or (
                    exists (
                        select
                        from runs as waiting
                        where
                            waiting.tenant_id = tenant.id
                            and waiting.status = 'pending'
                    )
                    and coalesce((tenant.settings ->> 'max_concurrent_runs')::bigint > (
                        select count(*)
                        from runs as other
                        where
                            other.tenant_id = tenant.id
                            and other.status = 'running'
                            and other.leased_until >= clock_timestamp()
                    ), true)
                )
            )
        order by
            (
                select max(run.started_at)
                from runs as run
                where run.tenant_id = tenant.id
            ) nulls first,
            tenant.id
    loop
        if candidate.is_limited then
            perform
            from tenants as tenant
            where tenant.id = candidate.id
            for no key update skip locked;

            if not found then
                busy = coalesce(busy, candidate.id);
                continue;
            end if;

            is_holding = true;
        end if;

        select claimed.claimed_run_id
        into chosen
        from claim_run(candidate.id, null, by_worker, for_lease, at_most) as claimed;

        exit when chosen is not null;
    end loop;

    if chosen is null and busy is not null and not is_holding then
        select claimed.claimed_run_id
        into chosen
        from claim_run(busy, null, by_worker, for_lease, at_most) as claimed;
    end if;

    return query
    select
        run.id,
        run.tenant_id,
        run.workflow_id,
        run.workflow_version,
        run.mode,
        run.input,
        run.attempts,
        run.leased_until
    from runs as run
    where run.id = chosen;
end;
$$;
