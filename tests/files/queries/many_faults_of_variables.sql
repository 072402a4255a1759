-- :many
\if :{?unused} \else \set unused 20 \endif
\if :{?sort} \else \set sort c \endif
-- sort: a, b
select :'import', :kept, :'kind', :"kind"
\if :{?kept}
    , :'kept', :'Kept'
\else
    , :'kept'
\endif
from :"source" order by :"sort"
\if :{?connection} \endif
;
