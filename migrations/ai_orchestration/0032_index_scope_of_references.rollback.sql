-- transactional: false
-- A run is known by its id alone, and so is a pass.

drop index concurrently block_group_runs_run_id_id_key;

drop index concurrently runs_workflow_id_id_key;
