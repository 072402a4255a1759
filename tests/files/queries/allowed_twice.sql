-- :many
-- allow: unordered, they are summed up
-- allow: unordered, nobody looks
select 1 as number;
