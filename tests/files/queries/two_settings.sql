-- :many
\if :{?x} \else \set x 20 \set y 20 \endif
select :'x', :'y';
