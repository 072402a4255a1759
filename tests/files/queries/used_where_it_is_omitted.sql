-- :many
select 1
\if :{?x}
\else
, :'x'
\endif
;
