-- Renews the lease of a worker that has one step of a tenant's run and not the run; touches no row if it has ended.
-- :exec
\if :{?lease} \else \set lease '5 minutes' \endif
update step_runs
set leased_until = clock_timestamp() + :'lease'
from runs as run
where
    step_runs.id = :'step_run_id'
    and step_runs.run_id = run.id
    and run.tenant_id = :'tenant_id'
    and step_runs.status = 'running';
