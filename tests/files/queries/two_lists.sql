-- :many
-- sort: a, b
-- sort: c
select 1 order by :"sort";
