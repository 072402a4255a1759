-- :many
select :run_id!;
