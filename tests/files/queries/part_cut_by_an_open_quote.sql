-- :many
\if :{?x} \else \set x 'a \endif
select :'x'
\if :{?x}
, 2
\endif
;
