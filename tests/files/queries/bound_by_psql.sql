-- :many
select 1 \bind 1 \g
