-- Takes active schedules whose time has come for a worker, the longest overdue first; no two workers get the same.
-- Commit, work out the next times, then fire them; what was not fired when the lease runs out is taken again. One that
-- was lost in its last attempt is paused, because it may be what kills the workers. Left out is what cannot run.
-- across tenants: the clock strikes for all of them at once; what is done with each schedule is its own tenant's again
-- :many
-- next_run_at: not null
-- leased_until: not null
\if :{?max_schedules} \else \set max_schedules 100 \endif
\if :{?lease} \else \set lease '1 minute' \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
with given_up as (
    update schedules
    set
        status = 'paused',
        next_run_at = null,
        leased_until = null,
        updated_at = clock_timestamp()
    where id in (
        select lost.id
        from schedules as lost
        where
            lost.status = 'active'
            and lost.next_run_at <= now()
            and lost.leased_until < now()
            and lost.attempts >= :'max_attempts'
            and lost.deleted_at is null
        for update skip locked
    )
    returning
        id,
        tenant_id,
        attempts
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        given_up.tenant_id,
        'update' as action,
        'schedule' as resource_type,
        given_up.id as resource_id,
        jsonb_build_object('status', 'paused', 'given_up_after', given_up.attempts) as metadata
    from given_up
),

due as (
    select schedule.id
    from schedules as schedule
    inner join workflows as workflow
        on
            schedule.workflow_id = workflow.id
            and schedule.tenant_id = workflow.tenant_id
    inner join tenants as tenant on schedule.tenant_id = tenant.id
    where
        schedule.status = 'active'
        and schedule.next_run_at <= now()
        and (schedule.leased_until is null or schedule.leased_until < now())
        and schedule.attempts < :'max_attempts'
        and schedule.deleted_at is null
        and workflow.deleted_at is null
        and tenant.deleted_at is null
        and exists (
            select
            from workflow_versions as published
            where
                published.workflow_id = workflow.id
                and published.version = schedule.workflow_version
        )
    order by schedule.next_run_at, schedule.id
    limit :'max_schedules'
    for update of schedule skip locked
),

leased as (
    update schedules as schedule
    set
        worker = :'worker',
        leased_until = now() + :'lease',
        attempts = schedule.attempts + 1
    from due
    where schedule.id = due.id
    returning
        schedule.id,
        schedule.tenant_id,
        schedule.cron_expression,
        schedule.timezone,
        schedule.next_run_at,
        schedule.leased_until,
        schedule.attempts as attempt
)

select
    leased.id,
    leased.tenant_id,
    leased.cron_expression,
    leased.timezone,
    leased.next_run_at,
    leased.leased_until,
    leased.attempt,
    now() as claimed_at
from leased
order by leased.next_run_at, leased.id;
