-- Locks active schedules whose time has come, the longest overdue first, until the transaction ends.
-- No two workers get the same, nor one that lease_due gave away. Left out is what cannot run: a removed schedule,
-- workflow or tenant, a version that is not published.
-- across tenants: the clock strikes for all of them at once; what is done with each schedule is its own tenant's again
-- :many
\if :{?max_schedules} \else \set max_schedules 100 \endif
select
    schedule.id,
    schedule.tenant_id,
    schedule.cron_expression,
    schedule.timezone,
    schedule.next_run_at,
    now() as claimed_at
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
for update of schedule skip locked;
