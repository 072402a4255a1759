-- :many
select 1 \g
