-- Notes that a worker began with a step run of a tenant; touches no row unless it was pending and its run is running.
-- :exec
update step_runs
set
    status = 'running',
    started_at = clock_timestamp()
from runs as run
where
    step_runs.id = :'step_run_id'
    and step_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and step_runs.status = 'pending'
    and run.status = 'running';
