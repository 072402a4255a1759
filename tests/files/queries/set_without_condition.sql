-- :many
\set x 20
select :'x';
