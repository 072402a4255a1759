-- Records that an agent's execution has ended well; none if it has ended before.
-- The database computes how long it took, by the clock: the transaction may be older than the execution.
-- With an attempt, nothing is touched where another worker has the execution meanwhile.
-- duration_seconds: not null
-- row: EndedExecution
-- :optional
\if :{?tokens_used} \else \set tokens_used 0 \endif
with execution as (
    update agent_executions
    set
        status = 'completed',
        completed_at = clock_timestamp(),
        leased_until = null,
        duration_seconds = extract(epoch from clock_timestamp() - started_at),
        output_summary = :'output_summary',
        tokens_used = :'tokens_used'
    where
        id = :'id'
\if :{?attempt}
        and attempts = :'attempt'
\endif
        and status = 'running'
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
        execution.session_id,
        jsonb_build_object(
            'execution_id', execution.id,
            'agent_type', execution.agent_type,
            'status', execution.status,
            'tokens_used', execution.tokens_used,
            'duration_seconds', execution.duration_seconds
        ) as details
    from execution
)

select
    execution.id,
    execution.tokens_used,
    execution.duration_seconds
from execution;
