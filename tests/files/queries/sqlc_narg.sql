-- :many
select sqlc.narg ('run_id');
