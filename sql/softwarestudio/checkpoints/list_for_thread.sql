-- The checkpoints of a thread, latest first: all, or those before one of them, or those whose metadata say so.
-- Of an unknown checkpoint nothing is known to be before it.
-- row: Checkpoint
-- :many
\if :{?max_checkpoints} \else \set max_checkpoints 20 \endif
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
\if :{?before}
    and (checkpoint.created_at, checkpoint.id) < (
        select
            later.created_at,
            later.id
        from checkpoints as later
        where
            later.thread_id = :'thread_id'
            and later.checkpoint_id = :'before'
    )
\endif
\if :{?metadata}
    and checkpoint.metadata @> :'metadata'
\endif
order by checkpoint.created_at desc, checkpoint.id desc
limit :'max_checkpoints';
