-- :many
select 1
\if :x
, 2
\endif
;
