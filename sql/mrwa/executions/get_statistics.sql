-- How the executions of one user went: zeros, and no average, for a user without any.
-- The average is over those that have both begun and ended.
-- :one
select
    count(*) as total_executions,
    count(*) filter (where execution.status = 'completed') as successful,
    count(*) filter (where execution.status = 'failed') as failed,
    avg(extract(epoch from (execution.completed_at - execution.started_at))) as avg_duration_sec
from executions as execution
where execution.user_id = :'user_id';
