-- Takes an execution for a worker and starts it, or gives none; no two workers get the same.
-- One whose lease has run out comes first, since its worker is dead; else the one that has been planned for longest.
-- One that another worker is taking at this moment is passed over, not waited for. Renew the lease while you work.
-- The attempt is counted, whatever becomes of the worker. What was lost in its last attempt fails: it is given up.
-- Hand attempt on to the other queries: then they touch nothing if another worker has the execution meanwhile.
-- input_file_url: nullable
-- leased_until: not null
-- :optional
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
with given_up as (
    update executions
    set
        status = 'failed',
        completed_at = now(),
        leased_until = null,
        error_message = format('given up: its worker was lost in each of %s attempts', attempts)
    where id in (
        select lost.id
        from executions as lost
        where
            lost.status in ('running', 'validating', 'correcting')
            and lost.leased_until < now()
            and lost.attempts >= :'max_attempts'::integer
        order by lost.leased_until, lost.id
        limit 100
        for update skip locked
    )
),

stalled as (
    select lost.id
    from executions as lost
    where
        lost.status in ('running', 'validating', 'correcting')
        and lost.leased_until < now()
        and lost.attempts < :'max_attempts'::integer
    order by lost.leased_until, lost.id
    limit 1
    for update skip locked
),

planned as (
    select waiting.id
    from executions as waiting
    where
        waiting.status = 'planned'
        and not exists (select from stalled)
    order by waiting.created_at, waiting.id
    limit 1
    for update skip locked
)

update executions as execution
set
    status = 'running',
    started_at = coalesce(execution.started_at, now()),
\if :{?worker}
    worker = :'worker',
\else
    worker = null,
\endif
    leased_until = now() + :'lease',
    attempts = execution.attempts + 1
where execution.id = coalesce(
    (
        select stalled.id
        from stalled
    ),
    (
        select planned.id
        from planned
    )
)
returning
    execution.id,
    execution.user_id,
    execution.input_type,
    execution.input_value,
    execution.input_file_url,
    execution.current_step,
    execution.worker,
    execution.leased_until,
    execution.attempts as attempt;
