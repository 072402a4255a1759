-- :many
\if :{?x} \else \set y 20 \endif
select :'x', :'y';
