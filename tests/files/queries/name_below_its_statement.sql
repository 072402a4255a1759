-- :many
select 1;
-- name: all_runs :many
