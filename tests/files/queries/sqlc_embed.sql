-- :many
select sqlc.embed(run) from runs as run;
