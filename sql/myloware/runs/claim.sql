-- Takes running runs that nobody works on, the longest untouched first: no other worker gets them until the lease is
-- over. Commit before working on them, and renew the lease while you do.
-- A claim is an attempt, whatever becomes of the worker. A run whose last attempt has ended is given up: it fails, and
-- its result says why.
-- :many
\if :{?lease} \else \set lease '1 minute' \endif
\if :{?max_runs} \else \set max_runs 1 \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
with ended as materialized (
    select run.run_id
    from runs as run
    inner join run_leases as lease on run.run_id = lease.run_id
    where
        run.status = 'running'
        and lease.leased_until <= now()
        and lease.attempt >= :'max_attempts'
    order by run.run_id
    for update of run skip locked
),

-- asked again under the lock: a worker that was late may have renewed its lease meanwhile
given_up as (
    delete from run_leases as lease
    using ended
    where
        lease.run_id = ended.run_id
        and lease.leased_until <= now()
        and lease.attempt >= :'max_attempts'
    returning lease.run_id, lease.worker, lease.attempt, lease.last_error
),

failed as (
    update runs as run
    set
        status = 'failed',
        result = jsonb_build_object(
            'error', 'given up after its last attempt',
            'attempts', given_up.attempt,
            'lastWorker', given_up.worker,
            'lastError', given_up.last_error
        )
    from given_up
    where run.run_id = given_up.run_id
    returning run.run_id
),

due as materialized (
    select run.run_id
    from runs as run
    left join run_leases as lease on run.run_id = lease.run_id
    where
        run.status = 'running'
        and (
            lease.run_id is null
            or (lease.leased_until <= now() and lease.attempt < :'max_attempts')
        )
    order by coalesce(lease.leased_until, run.updated_at), run.run_id
    limit :'max_runs'
    for update of run skip locked
),

-- asked again too: another worker may have claimed the run since this statement began
claimed as (
    insert into run_leases as lease (run_id, lease_id, worker, attempt, leased_until)
    select
        due.run_id,
        gen_random_uuid() as lease_id,
        :'worker' as worker,
        1 as attempt,
        now() + :'lease' as leased_until
    from due
    on conflict (run_id) do update
    set
        lease_id = excluded.lease_id,
        worker = excluded.worker,
        attempt = lease.attempt + 1,
        claimed_at = excluded.claimed_at,
        leased_until = excluded.leased_until
    where
        lease.leased_until <= now()
        and lease.attempt < :'max_attempts'
    returning lease.run_id, lease.lease_id, lease.attempt, lease.leased_until, lease.last_error
)

select
    run.run_id,
    run.project,
    run.payload,
    claimed.lease_id,
    claimed.attempt,
    claimed.leased_until,
    claimed.last_error
from claimed
inner join runs as run on claimed.run_id = run.run_id
order by run.updated_at, run.run_id;
