-- The checkpoints that come right after one, latest first; several where the work branched.
-- :many
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
    and checkpoint.parent_checkpoint_id = :'checkpoint_id'
order by checkpoint.created_at desc, checkpoint.id desc;
