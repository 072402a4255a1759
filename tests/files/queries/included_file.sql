-- :many
\i other.sql
select 1;
