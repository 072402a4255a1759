-- Gives a run back whose worker failed with it, not to be claimed before a delay that doubles with each attempt.
-- None where the lease is another's by now, or the run is no longer running.
-- :optional
\if :{?base} \else \set base '10 seconds' \endif
\if :{?cap} \else \set cap '10 minutes' \endif
\if :{?jitter} \else \set jitter 0.2 \endif
update run_leases as lease
set
    lease_id = gen_random_uuid(),
    last_error = :'error',
    leased_until = now() + retry_delay(lease.attempt - 1, :'base', :'cap', :'jitter')
where
    lease.run_id = :'run_id'
    and lease.lease_id = :'lease_id'
returning lease.leased_until;
