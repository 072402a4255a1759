-- Write a note about a run.
-- :one
insert into notes (run_id, status, body)
values (:'run_id', :'status', :'body')
returning id, created_at;
