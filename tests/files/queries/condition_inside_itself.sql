-- :many
select 1
\if :{?x}
\if :{?x}
, :'x'
\endif
\endif
;
