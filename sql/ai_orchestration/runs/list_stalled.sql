-- A tenant's running runs whose lease has run out: their worker is lost. A claim takes them or gives them up.
-- The longest lost come first.
-- row: StalledRun
-- :many
\if :{?max_runs} \else \set max_runs 100 \endif
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
    run.call_digest
from runs as run
where
    run.tenant_id = :'tenant_id'
    and run.status = 'running'
    and run.leased_until < clock_timestamp()
order by run.leased_until, run.id
limit :'max_runs';
