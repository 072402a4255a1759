-- :many
select tags[:first:last] from runs;
