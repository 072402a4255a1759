-- :many
\if :{?x} \else \set x 'twenty \endif
select :'x';
