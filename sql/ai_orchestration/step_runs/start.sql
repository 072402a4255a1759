-- Notes that a worker began with a step run of a tenant; touches no row unless it was pending and its run is running.
-- It is a lease: renew it while you work, by runs/renew_lease if you have the run, else by step_runs/renew_lease.
-- :exec
\if :{?lease} \else \set lease '5 minutes' \endif
update step_runs
set
    status = 'running',
    started_at = clock_timestamp(),
\if :{?worker}
    worker = :'worker',
\endif
    leased_until = clock_timestamp() + :'lease'
from runs as run
where
    step_runs.id = :'step_run_id'
    and step_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and step_runs.status = 'pending'
    and run.status = 'running';
