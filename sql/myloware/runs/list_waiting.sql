-- Runs that wait for a person, at one gate or at any: the longest waiting first, or the oldest.
-- sort: updated_at, created_at
-- :many
\if :{?sort} \else \set sort updated_at \endif
\if :{?max_runs} \else \set max_runs 50 \endif
select
    run.run_id,
    run.project,
    substr(run.status, length('pending_') + 1) as gate,
    run.payload,
    run.created_at,
    run.updated_at
from runs as run
where
    run.status in ('pending_workflow', 'pending_ideate', 'pending_prepublish')
\if :{?gate}
    and run.status = 'pending_' || :'gate'
\endif
order by :"sort", run.run_id
limit :'max_runs';
