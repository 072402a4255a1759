-- name: all-runs :many
select 1;
