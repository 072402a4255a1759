-- One run of a tenant with its step runs, oldest first, or none if it is another tenant's.
-- A run that has not begun a step has an empty list of them.
-- :optional
select
    run.id,
    run.tenant_id,
    run.workflow_id,
    run.workflow_version,
    run.status,
    run.mode,
    run.input,
    run.output,
    run.error,
    run.triggered_by,
    run.triggered_by_user,
    run.started_at,
    run.completed_at,
    run.created_at,
    run.worker,
    run.leased_until,
    run.attempts,
    run.webhook_id,
    run.delivery_id,
    run.call_digest,
    coalesce((
        select jsonb_agg(step_run order by step_run.created_at, step_run.attempt, step_run.id)
        from (
            select
                step_run.id,
                step_run.run_id,
                step_run.step_id,
                step_run.step_name,
                step_run.status,
                step_run.attempt,
                step_run.input,
                step_run.output,
                step_run.error,
                step_run.started_at,
                step_run.completed_at,
                step_run.duration_ms,
                step_run.created_at,
                step_run.block_group_run_id,
                step_run.worker,
                step_run.leased_until
            from step_runs as step_run
            where step_run.run_id = run.id
        ) as step_run
    ), '[]') as step_runs
from runs as run
where
    run.id = :'run_id'
    and run.tenant_id = :'tenant_id';
