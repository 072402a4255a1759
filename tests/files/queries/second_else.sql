-- :many
select 1
\if :{?x}
, :'x'
\else
, 2
\else
, 3
\endif
;
