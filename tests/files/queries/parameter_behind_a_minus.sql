-- :many
select 1 -:x;
