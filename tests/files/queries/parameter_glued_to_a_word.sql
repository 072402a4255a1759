-- :many
select e:'x';
