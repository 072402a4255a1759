-- :many
-- Something.
-- :one
select 1;
