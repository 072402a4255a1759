-- :many
\if :{?x} \else \set x 20 \endif
select 1;
