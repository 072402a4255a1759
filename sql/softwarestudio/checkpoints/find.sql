-- One checkpoint of a thread, or none.
-- row: Checkpoint
-- :optional
select
    checkpoint.id,
    checkpoint.checkpoint_id,
    checkpoint.parent_checkpoint_id,
    checkpoint.checkpoint_data,
    checkpoint.metadata,
    checkpoint.created_at
from checkpoints as checkpoint
where
    checkpoint.thread_id = :'thread_id'
    and checkpoint.checkpoint_id = :'checkpoint_id';
