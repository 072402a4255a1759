-- :many
\if :{?x} \else \set x 20 \endif
\if :{?x} \else \set x 30 \endif
select :'x';
