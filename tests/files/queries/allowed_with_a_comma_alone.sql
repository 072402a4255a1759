-- :many
-- allow: unordered,
select 1 as number;
