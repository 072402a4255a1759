-- The checkpoints that led to one, its parent first and the root last, as far back as wanted.
-- :many
\if :{?max_ancestors} \else \set max_ancestors 1000 \endif
with recursive ancestor as (
    select
        parent.id,
        parent.thread_id,
        parent.checkpoint_id,
        parent.parent_checkpoint_id,
        1 as distance
    from checkpoints as checkpoint
    inner join checkpoints as parent
        on
            checkpoint.thread_id = parent.thread_id
            and checkpoint.parent_checkpoint_id = parent.checkpoint_id
    where
        checkpoint.thread_id = :'thread_id'
        and checkpoint.checkpoint_id = :'checkpoint_id'
    union all
    select
        parent.id,
        parent.thread_id,
        parent.checkpoint_id,
        parent.parent_checkpoint_id,
        ancestor.distance + 1 as distance
    from ancestor
    inner join checkpoints as parent
        on
            ancestor.thread_id = parent.thread_id
            and ancestor.parent_checkpoint_id = parent.checkpoint_id
    where ancestor.distance < :'max_ancestors'
)

select
    ancestor.distance,
    checkpoint.id,
    checkpoint.checkpoint_id,
    checkpoint.parent_checkpoint_id,
    checkpoint.checkpoint_data,
    checkpoint.metadata,
    checkpoint.created_at
from ancestor
inner join checkpoints as checkpoint on ancestor.id = checkpoint.id
order by ancestor.distance;
