-- :many
select :x.name;
