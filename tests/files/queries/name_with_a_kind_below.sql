-- name: all_runs :many
-- :one
select 1;
