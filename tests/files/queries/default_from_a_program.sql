-- :many
\if :{?x} \else \set x `date` \endif
select :'x';
