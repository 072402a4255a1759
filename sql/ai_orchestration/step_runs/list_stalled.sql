-- A tenant's step runs whose lease has run out: their worker is lost, and the next attempt fails them first.
-- The longest lost come first.
-- :many
\if :{?max_step_runs} \else \set max_step_runs 100 \endif
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
inner join runs as run on step_run.run_id = run.id
where
    run.tenant_id = :'tenant_id'
    and step_run.status = 'running'
    and step_run.leased_until < clock_timestamp()
order by step_run.leased_until, step_run.id
limit :'max_step_runs';
