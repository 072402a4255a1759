-- The artifacts of one run are read all day, and every artifact of every run was read for them.
-- The whole table is read once under a lock that lets readers through; writers wait for it.

-- serves the artifacts of one run, oldest first, and the deletion of a run, which looks for its artifacts
create index idx_artifacts_run on artifacts (run_id, created_at, id);
