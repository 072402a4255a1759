-- :many
\if :{?x} \else \set \endif
select :'x';
