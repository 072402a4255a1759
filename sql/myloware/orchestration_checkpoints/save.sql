-- Saves the state of a run over the one before, and gives the time that tells this save from any other.
-- With the time of the save it was read from, none comes back and nothing is saved if another one has come between.
-- With the lease_id of a claim, none as well where the lease on the run is another's by now.
-- :optional
insert into orchestration_checkpoints as checkpoint (run_id, state)
select
    :'run_id' as run_id,
    :'state' as state
where
    true
\if :{?lease_id}
    and exists (
        select
        from run_leases as lease
        where
            lease.run_id = :'run_id'
            and lease.lease_id = :'lease_id'
    )
\endif
on conflict (run_id) do update
set state = excluded.state
where
    true
\if :{?read_at}
    and checkpoint.updated_at = :'read_at'
\endif
returning checkpoint.updated_at;
