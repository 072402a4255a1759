-- :many
\if :{?unused} \else \set unused 20 \endif
\if :{?open} \else \set open 'twice 20 \endif
select sqlc.arg(a), :'class', :x-:y, date :'day'
\echo now
\if :status
    , :'status', :'USER'
\endif
\if :{?kept}
\if :{?kept}
    , :'kept'
\endif
\endif
, :"column", :'User', :'user'
\i other.sql
;
select 2;
