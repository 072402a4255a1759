-- :many
\iff :{?x} \else \set x 20 \endif
select :'x'
\if :{?y}
, :'y'
\elsee
, 2
\endfi
;
