-- Gives a run all the checkpoints of another one, what tasks have written since each, and its state.
-- :exec
with written as (
    insert into graph_writes (
        run_id, checkpoint_ns, checkpoint_id, task_id, write_number, task_path, channel, value
    )
    select
        :'target' as run_id,
        source.checkpoint_ns,
        source.checkpoint_id,
        source.task_id,
        source.write_number,
        source.task_path,
        source.channel,
        source.value
    from graph_writes as source
    where source.run_id = :'source'
    on conflict do nothing
),

latest as (
    insert into orchestration_checkpoints (run_id, state)
    select
        :'target' as run_id,
        source.state
    from orchestration_checkpoints as source
    where source.run_id = :'source'
    on conflict (run_id) do update set state = excluded.state
)

insert into graph_checkpoints (
    run_id, checkpoint_ns, checkpoint_id, parent_id, checkpoint, metadata
)
select
    :'target' as run_id,
    source.checkpoint_ns,
    source.checkpoint_id,
    source.parent_id,
    source.checkpoint,
    source.metadata
from graph_checkpoints as source
where source.run_id = :'source'
on conflict do nothing;
