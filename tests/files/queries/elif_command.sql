-- :many
select 1
\if :{?x}
, :'x'
\elif :{?y}
, :'y'
\endif
;
