-- Puts a checkpoint of a thread; put again, it is the same row with what is put now.
-- A parent has to be there already, in the same thread, and stays the parent; put again without one, it keeps its own.
-- :one
\if :{?metadata} \else \set metadata {} \endif
insert into checkpoints as checkpoint (
\if :{?parent_checkpoint_id}
    parent_checkpoint_id,
\endif
    thread_id,
    checkpoint_id,
    checkpoint_data,
    metadata
)
values (
\if :{?parent_checkpoint_id}
    :'parent_checkpoint_id',
\endif
    :'thread_id',
    :'checkpoint_id',
    :'checkpoint_data',
    :'metadata'
)
on conflict (thread_id, checkpoint_id) do update
set
    parent_checkpoint_id = coalesce(excluded.parent_checkpoint_id, checkpoint.parent_checkpoint_id),
    checkpoint_data = excluded.checkpoint_data,
    metadata = excluded.metadata
returning
    checkpoint.id,
    checkpoint.created_at;
