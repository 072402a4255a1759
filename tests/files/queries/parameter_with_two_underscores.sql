-- :many
select :'__x';
