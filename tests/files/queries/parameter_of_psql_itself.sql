-- :many
select :'USER';
