-- transactional: false
-- The keys that the references of 0033 lead to.
-- Runs and passes are written to all the time, so each index is built beside the traffic.

create unique index concurrently runs_workflow_id_id_key on runs (workflow_id, id);

create unique index concurrently block_group_runs_run_id_id_key on block_group_runs (run_id, id);
