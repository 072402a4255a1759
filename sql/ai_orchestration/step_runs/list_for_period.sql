-- Every step run of a tenant's runs of a period, oldest run first, for looking into how long steps take and which fail.
-- There may be millions, so they are read as they come.
-- :stream
select
    run.workflow_id,
    run.workflow_version,
    step_run.run_id,
    step_run.step_id,
    step_run.step_name,
    step_run.status,
    step_run.attempt,
    step_run.error,
    step_run.started_at,
    step_run.completed_at,
    step_run.duration_ms
from step_runs as step_run
inner join runs as run on step_run.run_id = run.id
where
    run.tenant_id = :'tenant_id'
    and run.created_at >= :'since'
    and run.created_at < :'until'
order by run.created_at, run.id, step_run.created_at, step_run.attempt, step_run.id;
