-- :many
\if :{?y}
\if :{?x} \else \set x 20 \endif
\endif
select :'x';
