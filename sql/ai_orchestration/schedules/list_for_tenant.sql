-- One page of a tenant's schedules, those of one workflow if given, the next to run first; removed ones are left out.
-- row: Schedule
-- :many
\if :{?max_schedules} \else \set max_schedules 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
select
    schedule.id,
    schedule.tenant_id,
    schedule.workflow_id,
    schedule.workflow_version,
    schedule.name,
    schedule.description,
    schedule.cron_expression,
    schedule.timezone,
    schedule.input,
    schedule.status,
    schedule.next_run_at,
    schedule.last_run_at,
    schedule.last_run_id,
    schedule.run_count,
    schedule.created_by,
    schedule.created_at,
    schedule.updated_at,
    schedule.deleted_at,
    schedule.worker,
    schedule.leased_until,
    schedule.attempts
from schedules as schedule
where
    schedule.tenant_id = :'tenant_id'
    and schedule.deleted_at is null
\if :{?workflow_id}
    and schedule.workflow_id = :'workflow_id'
\endif
order by schedule.next_run_at, schedule.id
limit :'max_schedules' offset :'skipped';
