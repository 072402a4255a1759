-- The executions of one user, newest first.
-- The id breaks the tie between executions created in the same instant.
-- :many
\if :{?max_executions} \else \set max_executions 20 \endif
select
    execution.id,
    execution.input_type,
    execution.status,
    execution.created_at
from executions as execution
where
    execution.user_id = :'user_id'
\if :{?status}
    and execution.status = :'status'
\endif
order by execution.created_at desc, execution.id
limit :'max_executions';
