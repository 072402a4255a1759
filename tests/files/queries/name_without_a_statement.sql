-- name: first :one

-- name: second :one
select 2;
