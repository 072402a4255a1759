-- name: import :many
select 1;
