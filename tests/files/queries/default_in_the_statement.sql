-- :many
select :'x'
\if :{?x} \else \set x 20 \endif
;
