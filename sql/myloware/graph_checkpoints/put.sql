-- Keeps a checkpoint of a run's graph; the latest one of the graph itself, not of a subgraph, is the run's state as
-- well.
-- The ids of checkpoints are in the order of their time.
-- :exec
with kept as (
    insert into graph_checkpoints as graph (
        run_id, checkpoint_ns, checkpoint_id, parent_id, checkpoint, metadata
    )
    values (:'run_id', :'checkpoint_ns', :'checkpoint_id', :'parent_id', :'checkpoint', :'metadata')
    on conflict (run_id, checkpoint_ns, checkpoint_id) do update
    set
        parent_id = excluded.parent_id,
        checkpoint = excluded.checkpoint,
        metadata = excluded.metadata
    returning graph.run_id, graph.checkpoint_ns, graph.checkpoint
)

insert into orchestration_checkpoints as latest (run_id, state)
select
    kept.run_id,
    kept.checkpoint as state
from kept
where kept.checkpoint_ns = ''
on conflict (run_id) do update
set state = excluded.state
where coalesce(latest.state ->> 'id' <= excluded.state ->> 'id', true);
