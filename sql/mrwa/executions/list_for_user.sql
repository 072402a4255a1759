-- The executions of one user, newest first.
-- The id breaks the tie between executions created in the same instant.
-- :many
\if :{?max_executions} \else \set max_executions 20 \endif
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
    execution.user_id = :'user_id'
\if :{?status}
    and execution.status = :'status'
\endif
order by execution.created_at desc, execution.id
limit :'max_executions';
