-- Ends a running pass of a tenant's run with what went wrong; touches no row if it is not running.
-- :exec
-- error: not null
update block_group_runs
set
    status = 'failed',
    error = :'error',
    completed_at = clock_timestamp()
from runs as run
where
    block_group_runs.id = :'block_group_run_id'
    and block_group_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and block_group_runs.status = 'running';
