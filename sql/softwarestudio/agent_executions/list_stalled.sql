-- Executions that are running and whose lease has run out, the longest lost first: claim_stalled takes them again.
-- One that was inserted without a lease, by hand, is taken for lost an hour after its start, and never claimed.
-- :many
\if :{?max_executions} \else \set max_executions 100 \endif
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
    execution.status = 'running'
    and (
        execution.leased_until < now()
        or (execution.leased_until is null and execution.started_at < now() - interval '1 hour')
    )
order by execution.leased_until nulls last, execution.id
limit :'max_executions';
