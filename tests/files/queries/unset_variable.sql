-- :many
\unset x
select :'x';
