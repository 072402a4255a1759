-- Records that an agent has begun to work for a session, and gives the number of its execution.
-- :one
\if :{?metadata} \else \set metadata {} \endif
with execution as (
    insert into agent_executions (
\if :{?input_summary}
        input_summary,
\endif
        session_id,
        agent_type,
        metadata
    )
    values (
\if :{?input_summary}
        :'input_summary',
\endif
        :'session_id',
        :'agent_type',
        :'metadata'
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
