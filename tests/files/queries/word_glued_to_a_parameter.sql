-- :many
select :x'a';
