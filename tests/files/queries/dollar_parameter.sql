-- :many
select $1;
