-- :many
select 1
\if :{?x}
, :'x'
