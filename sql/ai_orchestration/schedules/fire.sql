-- Adds the run that a due schedule stands for and moves the schedule to its next time, a set of values for each.
-- One that another worker fired since it was read has another time already and gives nothing. A lease on it ends.
-- :batch
-- next_run_at: not null
-- run_id: not null
with due as (
    select
        schedule.id,
        schedule.tenant_id,
        schedule.workflow_id,
        schedule.workflow_version,
        schedule.input
    from schedules as schedule
    where
        schedule.id = :'schedule_id'
        and schedule.tenant_id = :'tenant_id'
        and schedule.status = 'active'
        and schedule.deleted_at is null
        and schedule.next_run_at = :'due_at'
    for update
),

run as (
    insert into runs (tenant_id, workflow_id, workflow_version, input, triggered_by)
    select
        due.tenant_id,
        due.workflow_id,
        due.workflow_version,
        due.input,
        'schedule' as triggered_by
    from due
    returning id, workflow_id, created_at
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'execute' as action,
        'run' as resource_type,
        run.id as resource_id,
        jsonb_build_object('schedule_id', due.id, 'workflow_id', run.workflow_id) as metadata
    from run
    cross join due
)

update schedules
set
    next_run_at = :'next_run_at',
    last_run_at = run.created_at,
    last_run_id = run.id,
    run_count = schedules.run_count + 1,
    worker = null,
    leased_until = null,
    attempts = 0
from run
where
    schedules.id = :'schedule_id'
    and schedules.tenant_id = :'tenant_id'
returning schedules.id as schedule_id, schedules.last_run_id as run_id;
