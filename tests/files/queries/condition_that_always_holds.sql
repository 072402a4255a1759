-- :many
\if :{?x} \else \set x 20 \endif
select :'x'
\if :{?x}
, 1
\else
, 2
\endif
;
