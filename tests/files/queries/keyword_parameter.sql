-- :many
select :'class';
