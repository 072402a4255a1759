-- :many
select %(run_id)s;
