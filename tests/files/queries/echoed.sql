-- :many
\echo hello
select 1;
