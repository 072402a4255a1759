-- Executions at work whose lease has run out: their worker is lost, and claim takes them again or gives them up.
-- One that was put to work without a lease, by hand, is taken for lost an hour after its start, as the document says,
-- and never claimed: somebody has to end it. The longest lost come first.
-- :many
\if :{?max_executions} \else \set max_executions 100 \endif
select
    execution.id,
    execution.user_id,
    execution.input_type,
    execution.input_value,
    execution.input_file_url,
    execution.status,
    execution.plan,
    execution.current_step,
    execution.created_at,
    execution.started_at,
    execution.completed_at,
    execution.metadata,
    execution.error_message,
    execution.worker,
    execution.leased_until,
    execution.attempts
from executions as execution
where
    execution.status in ('running', 'validating', 'correcting')
    and (
        execution.leased_until < now()
        or (execution.leased_until is null and execution.started_at < now() - interval '1 hour')
    )
order by execution.leased_until nulls last, execution.id
limit :'max_executions';
