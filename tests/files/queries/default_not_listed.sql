-- :many
-- sort: a, b
\if :{?sort} \else \set sort c \endif
select 1 order by :"sort";
