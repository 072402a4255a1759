-- :many
select 1 where 1 in (sqlc.slice(ids));
