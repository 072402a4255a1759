-- :many
select :'connection';
