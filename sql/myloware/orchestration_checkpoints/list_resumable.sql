-- The checkpoints of all running runs, the longest untouched first: what an orchestrator resumes after a restart.
-- Runs that wait at a gate, or are over, are left out.
-- :stream
select
    checkpoint.run_id,
    run.project,
    checkpoint.state,
    checkpoint.updated_at
from orchestration_checkpoints as checkpoint
inner join runs as run on checkpoint.run_id = run.run_id
where run.status = 'running'
order by checkpoint.updated_at, checkpoint.run_id;
