-- The runs.
-- row: Run
-- name: first :one
select 1;
