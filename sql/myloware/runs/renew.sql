-- The heartbeat of a worker: its lease on a run begins anew, and the new end of it comes back.
-- None where the lease is another's by now, or the run is no longer running: then stop working on it.
-- :optional
\if :{?lease} \else \set lease '1 minute' \endif
update run_leases as lease
set leased_until = now() + :'lease'
where
    lease.run_id = :'run_id'
    and lease.lease_id = :'lease_id'
returning lease.leased_until;
