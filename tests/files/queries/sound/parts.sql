-- Every way to set a command on a line, and what psql makes of the line's end.
-- sort: created_at, updatedAt
-- :many
\if :{?max_runs} \else \set max_runs 20 \endif
\if :{?first}
\else
    \set first 'it''s'
\endif

select run.run_id, :'first' as first, :'first'::text   -- :'no' \if
  , /* :'no' /* \else */ */ run.status

\if :{?wide}
    , run.*

    \if :{?wider}
, :'wider' as wider
    \else
    , 'narrow'

    \endif

\endif
from runs as run
    where run.project = :'project' and run.tags[1:2] = '{":x"}'
\if :{?status} \\ and run.status = :'status' \endif
\if :{?flag} \else \\ and run.a is null
\endif
\if :{?low}
and run.number between :low and :'high'
\else


and run.number < :'high'

\endif

order by run.:"sort" desc \if :{?flag}
, 1
\else
, 2 \endif
, $$ :no \endif $$
limit :'max_runs'

;
