-- :many
select sqlc.arg(run_id), sqlc.arg('x');
