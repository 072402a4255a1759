-- What can be read of an execution's logs at this moment, for list_since to go on from, and whether it is over.
-- The position is the snapshot: the transactions that are done, and so all that they wrote.
-- is_over: not null
-- :optional
select
    pg_current_snapshot() as position,
    execution.status in ('completed', 'failed', 'cancelled') as is_over
from executions as execution
where execution.id = :'execution_id';
