-- Removes runs that ended longer ago than their tenant's data_retention_days, one batch of the oldest with their
-- step runs; run it until it removes none. Without that setting a tenant's runs are kept.
-- One that ended without a time counts from its creation; those of a tenant removed as long ago go in any state.
-- A schedule forgets a last run that is removed.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        run.id,
        run.tenant_id
    from runs as run
    inner join tenants as tenant on run.tenant_id = tenant.id
    where
        least(
            case
                when run.status in ('completed', 'failed', 'cancelled')
                    then coalesce(run.completed_at, run.created_at)
            end,
            tenant.deleted_at
        ) < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
    order by run.created_at, run.id
    limit :'max_rows'
    for update of run skip locked
),

forgotten as (
    update schedules as schedule
    set last_run_id = null
    from expired
    where schedule.last_run_id = expired.id
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'run' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from runs as run
using expired
where run.id = expired.id;
