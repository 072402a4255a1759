-- What agents did for a session, oldest first.
-- :many
select
    execution.id,
    execution.session_id,
    execution.agent_type,
    execution.started_at,
    execution.completed_at,
    execution.status,
    execution.input_summary,
    execution.output_summary,
    execution.error_message,
    execution.tokens_used,
    execution.duration_seconds,
    execution.metadata,
    execution.worker,
    execution.leased_until,
    execution.attempts
from agent_executions as execution
where
    execution.session_id = :'session_id'
\if :{?agent_type}
    and execution.agent_type = :'agent_type'
\endif
order by execution.started_at, execution.id;
