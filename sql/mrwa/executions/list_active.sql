-- Executions at work that were started within the last hour, the longest at work first.
-- One that was started before is taken for lost and left out.
-- :many
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
    execution.metadata
from executions as execution
where
    execution.status in ('running', 'validating', 'correcting')
    and execution.started_at > now() - interval '1 hour'
order by execution.started_at, execution.id;
