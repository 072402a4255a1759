-- name: all my runs :many
select 1;
