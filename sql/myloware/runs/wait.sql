-- Stops a running run at a gate, until a person opens it with hitl_approvals.add.
-- None where the run is not running, or there is no such gate.
-- row: RunState
-- :optional
update runs as run
set status = 'pending_' || :'gate'
where
    run.run_id = :'run_id'
    and run.status = 'running'
    and :'gate' in ('workflow', 'ideate', 'prepublish')
returning run.run_id, run.status, run.updated_at;
