-- :many
select 1
\endfi
;
