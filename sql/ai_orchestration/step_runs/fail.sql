-- Ends a tenant's running step run with what went wrong and how long it took; touches no row if it is not running.
-- :exec
-- error: not null
update step_runs
set
    status = 'failed',
    error = :'error',
    completed_at = clock_timestamp(),
    duration_ms = extract(epoch from clock_timestamp() - step_runs.started_at) * 1000
from runs as run
where
    step_runs.id = :'step_run_id'
    and step_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and step_runs.status = 'running';
