-- :many
select 1
\endif
;
