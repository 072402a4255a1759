-- Gives a tenant's run back unfinished, as a worker does that is told to stop: another goes on with it at once.
-- The attempt is not counted. It touches no row if the run has ended or another worker has it.
-- :exec
with steps as (
    update step_runs
    set
        status = 'failed',
        error = 'its worker was told to stop',
        completed_at = clock_timestamp(),
        duration_ms = extract(epoch from clock_timestamp() - step_runs.started_at) * 1000
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
set
    status = 'pending',
    worker = null,
    attempts = attempts - 1
where
    id = :'run_id'
    and tenant_id = :'tenant_id'
    and attempts = :'attempt'
    and status = 'running';
