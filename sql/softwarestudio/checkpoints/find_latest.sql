-- The checkpoint a thread resumes from: the latest, or none.
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
where checkpoint.thread_id = :'thread_id'
order by checkpoint.created_at desc, checkpoint.id desc
limit 1;
