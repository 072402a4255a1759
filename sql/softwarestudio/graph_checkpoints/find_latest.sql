-- The latest checkpoint of a thread in a namespace, or none; LangGraph's ids grow with time.
-- row: GraphCheckpoint
-- :optional
select
    checkpoint.thread_id,
    checkpoint.checkpoint_ns,
    checkpoint.checkpoint_id,
    checkpoint.checkpoint_data,
    checkpoint.metadata
from checkpoints as checkpoint
where
    checkpoint.thread_id = :'thread_id'
    and checkpoint.checkpoint_ns = :'checkpoint_ns'
order by checkpoint.checkpoint_id desc
limit 1;
