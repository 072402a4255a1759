-- :many
select 1
\else
;
