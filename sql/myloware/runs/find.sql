-- One run with what was asked of it and what came of it.
-- :optional
select
    run.run_id,
    run.project,
    run.status,
    run.payload,
    run.result,
    run.created_at,
    run.updated_at
from runs as run
where run.run_id = :'run_id';
