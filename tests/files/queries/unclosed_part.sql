-- :many
select 1
\if :{?x}
    , :'x'
    \if :{?y}
;
