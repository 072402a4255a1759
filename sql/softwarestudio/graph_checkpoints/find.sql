-- One checkpoint of a thread in a namespace, or none.
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
    and checkpoint.checkpoint_id = :'checkpoint_id';
