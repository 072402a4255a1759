-- :many
-- sort: a, b
select :'sort' order by :"sort";
