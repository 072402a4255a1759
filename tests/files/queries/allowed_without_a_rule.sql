-- :many
-- allow: rows in any order, for they are summed up
select 1 as number;
