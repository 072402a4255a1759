-- Copies the checkpoints of a thread to another one, with their parents and what was written towards them.
-- :exec
with written as (
    insert into checkpoint_writes (
        thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, value
    )
    select
        :'target_thread_id'::varchar as thread_id,
        source.checkpoint_ns,
        source.checkpoint_id,
        source.task_id,
        source.idx,
        source.task_path,
        source.channel,
        source.type,
        source.value
    from checkpoint_writes as source
    where source.thread_id = :'source_thread_id'
    on conflict do nothing
)

insert into checkpoints (
    thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint_data, metadata, created_at
)
select
    :'target_thread_id'::varchar as thread_id,
    source.checkpoint_ns,
    source.checkpoint_id,
    source.parent_checkpoint_id,
    source.checkpoint_data,
    source.metadata,
    source.created_at
from checkpoints as source
where source.thread_id = :'source_thread_id'
order by source.id
on conflict do nothing;
