-- Renews the lease of a worker on a tenant's run and on the steps of it that the same worker has begun.
-- It touches no row if the run has ended or another worker has it. Send it well within the lease, on a connection of
-- its own, and stop to work when it touches none. In the transaction that writes a result it keeps a lost worker out.
-- :exec
\if :{?lease} \else \set lease '5 minutes' \endif
with steps as (
    update step_runs
    set leased_until = clock_timestamp() + :'lease'
    from runs as run
    where
        step_runs.run_id = run.id
        and run.id = :'run_id'
        and run.tenant_id = :'tenant_id'
        and run.attempts = :'attempt'
        and run.status = 'running'
        and step_runs.status = 'running'
        and step_runs.worker is not distinct from run.worker
)

update runs
set leased_until = clock_timestamp() + :'lease'
where
    id = :'run_id'
    and tenant_id = :'tenant_id'
    and attempts = :'attempt'
    and status = 'running';
