-- Puts a checkpoint of LangGraph's; put again, it is the same row with what is put now, and keeps its parent.
-- A parent that is not here, or not any more, is left out of the column; checkpoint_data names it all the same.
-- parent_checkpoint_id: nullable
-- :exec
insert into checkpoints as checkpoint (
    thread_id,
    checkpoint_ns,
    checkpoint_id,
    parent_checkpoint_id,
    checkpoint_data,
    metadata
)
values (
    :'thread_id'::varchar,
    :'checkpoint_ns',
    :'checkpoint_id'::varchar,
    (
        select parent.checkpoint_id
        from checkpoints as parent
        where
            parent.thread_id = :'thread_id'::varchar
            and parent.checkpoint_id = :'parent_checkpoint_id'
            and parent.checkpoint_id <> :'checkpoint_id'::varchar
    ),
    :'checkpoint_data',
    :'metadata'
)
on conflict (thread_id, checkpoint_id) do update
set
    checkpoint_ns = excluded.checkpoint_ns,
    checkpoint_data = excluded.checkpoint_data,
    metadata = excluded.metadata;
