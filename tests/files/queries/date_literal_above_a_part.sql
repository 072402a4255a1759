-- :many
select date
\if :{?x}
:'x'
\endif
;
