-- Executions at work that were started within the last hour, the longest at work first, or within started_within.
-- Those whose worker is lost are among them until they are claimed again; list_stalled gives them alone, of any age.
-- :many
\if :{?started_within} \else \set started_within '1 hour' \endif
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
    execution.attempts,
    execution.input_key
from executions as execution
where
    execution.status in ('running', 'validating', 'correcting')
    and execution.started_at > now() - :'started_within'::interval
order by execution.started_at, execution.id;
