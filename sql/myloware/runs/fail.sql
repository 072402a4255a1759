-- Ends a run that cannot go on, or that a person refused at a gate; the result says why.
-- None where the run is over already: its result stands.
-- With the lease_id of a claim, none as well where the lease is another's by now.
-- row: RunState
-- :optional
update runs as run
set
    status = 'failed',
    result = :'result'
where
    run.run_id = :'run_id'
    and run.status not in ('published', 'failed')
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
