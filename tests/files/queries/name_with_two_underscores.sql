-- name: __init__ :many
select 1;
