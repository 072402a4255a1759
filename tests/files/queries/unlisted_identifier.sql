-- :many
select 1 order by :"sort";
