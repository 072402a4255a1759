-- Gives a run back that its worker was asked to leave: others may claim it at once, and the attempt does not count.
-- The lease is the worker's no longer; 0 where it was not before.
-- :exec
update run_leases as lease
set
    lease_id = gen_random_uuid(),
    attempt = lease.attempt - 1,
    leased_until = now()
where
    lease.run_id = :'run_id'
    and lease.lease_id = :'lease_id';
