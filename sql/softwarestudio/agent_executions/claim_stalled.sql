-- Takes an agent's execution whose lease has run out for another worker, or gives none; no two workers get the same.
-- The one whose worker was lost first comes first. The attempt is counted, whatever becomes of the worker; what was
-- lost in its last attempt fails, with an event: it is given up.
-- Hand attempt on to the other queries: then they touch nothing if another worker has the execution meanwhile.
-- leased_until: not null
-- :optional
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
with given_up as (
    update agent_executions
    set
        status = 'failed',
        completed_at = clock_timestamp(),
        duration_seconds = extract(epoch from clock_timestamp() - started_at),
        leased_until = null,
        error_message = format('given up: its worker was lost in each of %s attempts', attempts)
    where id in (
        select lost.id
        from agent_executions as lost
        where
            lost.status = 'running'
            and lost.leased_until < now()
            and lost.attempts >= :'max_attempts'
        order by lost.leased_until, lost.id
        limit 100
        for update skip locked
    )
    returning
        id,
        session_id,
        agent_type,
        status,
        tokens_used,
        duration_seconds
),

event as (
    insert into audit_log (event_type, session_id, details)
    select
        'agent_completed' as event_type,
        given_up.session_id,
        jsonb_build_object(
            'execution_id', given_up.id,
            'agent_type', given_up.agent_type,
            'status', given_up.status,
            'tokens_used', given_up.tokens_used,
            'duration_seconds', given_up.duration_seconds
        ) as details
    from given_up
)

update agent_executions as execution
set
\if :{?worker}
    worker = :'worker',
\else
    worker = null,
\endif
    leased_until = now() + :'lease',
    attempts = execution.attempts + 1
where execution.id = (
    select lost.id
    from agent_executions as lost
    where
        lost.status = 'running'
        and lost.leased_until < now()
        and lost.attempts < :'max_attempts'
    order by lost.leased_until, lost.id
    limit 1
    for update skip locked
)
returning
    execution.id,
    execution.session_id,
    execution.agent_type,
    execution.started_at,
    execution.input_summary,
    execution.metadata,
    execution.worker,
    execution.leased_until,
    execution.attempts as attempt;
