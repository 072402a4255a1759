\if :{?x} \else \set x 20 \endif
-- name: first :one
select :'x';
