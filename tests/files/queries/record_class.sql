-- name: all_runs
-- record_class: Run
select 1;
