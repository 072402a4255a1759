-- Ends a run that cannot go on, or that a person refused at a gate; the result says why.
-- None where the run is over already: its result stands.
-- row: RunState
-- :optional
update runs as run
set
    status = 'failed',
    result = :'result'
where
    run.run_id = :'run_id'
    and run.status not in ('published', 'failed')
returning run.run_id, run.status, run.updated_at;
