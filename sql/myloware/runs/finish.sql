-- Publishes a running run with its result.
-- None where the run is not running: one that waits at a gate cannot slip past it, and one that is over stays as it is.
-- With the lease_id of a claim, none as well where the lease is another's by now.
-- row: RunState
-- :optional
update runs as run
set
    status = 'published',
    result = :'result'
where
    run.run_id = :'run_id'
    and run.status = 'running'
\if :{?lease_id}
    and exists (
        select
        from run_leases as lease
        where
            lease.run_id = run.run_id
            and lease.lease_id = :'lease_id'
    )
\endif
returning run.run_id, run.status, run.updated_at;
