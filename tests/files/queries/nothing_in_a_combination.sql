-- :many
\if :{?x}
select :'x'
\endif
;
