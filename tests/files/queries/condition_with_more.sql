-- :many
select 1
\if :{?x} and 2
\endif
;
