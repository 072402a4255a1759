-- Has a tenant's schedule run at other times; a paused one stays paused and gets its next time when it is resumed.
-- The next time is worked out before: `dbkit.systems.ai_orchestration.scheduler.change_time` does so.
-- :exec
with changed as (
    update schedules
    set
        cron_expression = :'cron_expression',
        timezone = :'timezone',
        next_run_at = case when status = 'active' then cast(:'next_run_at' as timestamptz) end,
        updated_at = clock_timestamp()
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
    returning
        id,
        cron_expression,
        timezone
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'schedule' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('cron_expression', changed.cron_expression, 'timezone', changed.timezone) as metadata
from changed;
