-- :many
\if :{?x} \else \set x '\xe9' \endif
select :'x';
