-- Publishes a running run with its result.
-- None where the run is not running: one that waits at a gate cannot slip past it, and one that is over stays as it is.
-- row: RunState
-- :optional
update runs as run
set
    status = 'published',
    result = :'result'
where
    run.run_id = :'run_id'
    and run.status = 'running'
returning run.run_id, run.status, run.updated_at;
