-- :many
\if :{?x} \set x 20 \else \endif
select :'x';
