-- Stops a running run at a gate, until a person opens it with hitl_approvals.add.
-- None where the run is not running, or there is no such gate.
-- With the lease_id of a claim, none as well where the lease is another's by now.
-- row: RunState
-- :optional
update runs as run
set status = 'pending_' || :'gate'
where
    run.run_id = :'run_id'
    and run.status = 'running'
    and :'gate' in ('workflow', 'ideate', 'prepublish')
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
