-- transactional: false
-- Serves the passes inside a pass, which are read with it and deleted with it.
-- The table is written to all the time, so the index is built beside the traffic.

create index concurrently idx_block_group_runs_parent on block_group_runs (parent_run_id);
