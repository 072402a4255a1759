-- :many
\if :{?x} \else \set x :y \endif
select :'x';
