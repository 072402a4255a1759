-- Running runs that nobody works on, the longest first: the lease is over, or nobody has claimed or changed the run for
-- some time. A worker that claims takes these next, or gives those up whose attempts are used.
-- :many
\if :{?unclaimed_for} \else \set unclaimed_for '5 minutes' \endif
\if :{?max_runs} \else \set max_runs 50 \endif
select
    run.run_id,
    run.project,
    lease.worker,
    coalesce(lease.attempt, 0) as attempts,
    lease.last_error,
    coalesce(lease.leased_until, run.updated_at) as stalled_since
from runs as run
left join run_leases as lease on run.run_id = lease.run_id
where
    run.status = 'running'
    and coalesce(lease.leased_until, run.updated_at + :'unclaimed_for') <= now()
order by stalled_since, run.run_id
limit :'max_runs';
