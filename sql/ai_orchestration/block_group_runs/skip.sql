-- Leaves out a pending pass of a tenant's run, as of a branch that was not taken; touches no row if it is not pending.
-- :exec
update block_group_runs
set
    status = 'skipped',
    completed_at = clock_timestamp()
from runs as run
where
    block_group_runs.id = :'block_group_run_id'
    and block_group_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and block_group_runs.status = 'pending';
