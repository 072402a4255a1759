-- :many
select :'x'
\if :{?x}
, :'x'
\endif
;
