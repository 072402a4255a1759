-- Starts a run whose workflow nobody has to approve; an approval starts one too, and is logged (hitl_approvals.add).
-- None where the run does not wait to be started: of two who start it, one does.
-- row: RunState
-- :optional
update runs as run
set status = 'running'
where
    run.run_id = :'run_id'
    and run.status = 'pending_workflow'
returning run.run_id, run.status, run.updated_at;
