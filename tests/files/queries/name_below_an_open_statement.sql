-- name: first :one
select 1

-- name: second :one
select 2;
