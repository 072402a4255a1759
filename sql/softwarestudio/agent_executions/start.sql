-- Records that an agent has begun to work for a session, and gives the number of its execution.
-- The worker has it for the time of the lease, which renew_lease renews with attempt 1; when it has run out, its worker
-- is taken for dead, and claim_stalled takes it again.
-- :one
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?metadata} \else \set metadata {} \endif
with execution as (
    insert into agent_executions (
\if :{?input_summary}
        input_summary,
\endif
\if :{?worker}
        worker,
\endif
        session_id,
        agent_type,
        metadata,
        leased_until
    )
    values (
\if :{?input_summary}
        :'input_summary',
\endif
\if :{?worker}
        :'worker',
\endif
        :'session_id',
        :'agent_type',
        :'metadata',
        now() + :'lease'
    )
    returning
        id,
        session_id,
        agent_type
),

event as (
    insert into audit_log (event_type, session_id, details)
    select
        'agent_started' as event_type,
        execution.session_id,
        jsonb_build_object('execution_id', execution.id, 'agent_type', execution.agent_type) as details
    from execution
)

select execution.id
from execution;
