-- Takes a request in; the run waits until its workflow is approved or started.
-- :one
insert into runs (run_id, project, status, payload)
values (:'run_id', :'project', 'pending_workflow', :'payload')
returning run_id, status, created_at;
