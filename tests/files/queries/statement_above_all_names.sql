select 1;
-- name: first :one
select $1;
