-- :name all_runs :many
select 1;
