-- :many
-- total: not null
-- total: nullable
select 1 as total;
