-- One run of a tenant with the passes through its block groups, the step runs of each, and the step runs outside any.
-- A pass names the pass around it, if there is one; step runs come oldest first, outside if their pass is forgotten.
-- None if it is another tenant's.
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
                step_run.worker,
                step_run.leased_until
            from step_runs as step_run
            where
                step_run.run_id = run.id
                and not exists (
                    select
                    from block_group_runs as pass
                    where
                        pass.id = step_run.block_group_run_id
                        and pass.run_id = run.id
                )
        ) as step_run
    ), '[]') as step_runs,
    coalesce((
        select
            jsonb_agg(
                block_group_run
                order by block_group_run.created_at, block_group_run.iteration, block_group_run.id
            )
        from (
            select
                pass.id,
                pass.block_group_id,
                block_group.name,
                block_group.type,
                pass.parent_run_id,
                pass.iteration,
                pass.status,
                pass.input,
                pass.output,
                pass.error,
                pass.started_at,
                pass.completed_at,
                pass.created_at,
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
                            step_run.worker,
                            step_run.leased_until
                        from step_runs as step_run
                        where
                            step_run.run_id = run.id
                            and step_run.block_group_run_id = pass.id
                    ) as step_run
                ), '[]') as step_runs
            from block_group_runs as pass
            inner join block_groups as block_group
                on
                    pass.block_group_id = block_group.id
                    and run.workflow_id = block_group.workflow_id
            where pass.run_id = run.id
        ) as block_group_run
    ), '[]') as block_group_runs
from runs as run
where
    run.id = :'run_id'
    and run.tenant_id = :'tenant_id';
