-- Runs, newest first; of one project, or in one status, where that is asked for.
-- The id breaks the tie between runs created in the same instant.
-- :many
\if :{?max_runs} \else \set max_runs 20 \endif
select
    run.run_id,
    run.project,
    run.status,
    run.created_at,
    run.updated_at
from runs as run
where
    true
\if :{?project}
    and run.project = :'project'
\endif
\if :{?status}
    and run.status = :'status'
\endif
order by run.created_at desc, run.run_id
limit :'max_runs';
