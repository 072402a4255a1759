-- :many
-- sort: created_at desc, id
select 1 order by :"sort";
