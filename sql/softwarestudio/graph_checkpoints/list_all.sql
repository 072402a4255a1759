-- Checkpoints, latest first: all, or those of a thread, of a namespace, before one, or whose metadata say so.
-- row: GraphCheckpoint
-- :many
\if :{?max_checkpoints} \else \set max_checkpoints 1000000 \endif
select
    checkpoint.thread_id,
    checkpoint.checkpoint_ns,
    checkpoint.checkpoint_id,
    checkpoint.checkpoint_data,
    checkpoint.metadata
from checkpoints as checkpoint
where
    true
\if :{?thread_id}
    and checkpoint.thread_id = :'thread_id'
\endif
\if :{?checkpoint_ns}
    and checkpoint.checkpoint_ns = :'checkpoint_ns'
\endif
\if :{?checkpoint_id}
    and checkpoint.checkpoint_id = :'checkpoint_id'
\endif
\if :{?before}
    and checkpoint.checkpoint_id < :'before'
\endif
\if :{?metadata}
    and checkpoint.metadata @> :'metadata'
\endif
order by checkpoint.checkpoint_id desc, checkpoint.id desc
limit :'max_checkpoints';
