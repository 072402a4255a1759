-- Notes that a worker began with a pass of a tenant's run; touches no row unless it was pending and its run is running.
-- :exec
update block_group_runs
set
    status = 'running',
    started_at = clock_timestamp()
from runs as run
where
    block_group_runs.id = :'block_group_run_id'
    and block_group_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and block_group_runs.status = 'pending'
    and run.status = 'running';
