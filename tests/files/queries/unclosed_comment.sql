-- :many
select /* /* */ 1;
