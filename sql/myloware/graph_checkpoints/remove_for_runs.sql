-- Takes out the checkpoints that LangGraph made in some of its own runs, and what tasks have written since each.
-- :exec
with removed as (
    delete from graph_checkpoints as graph
    where graph.metadata ->> 'run_id' = any(:'graph_runs')
    returning graph.run_id, graph.checkpoint_ns, graph.checkpoint_id
)

delete from graph_writes as written
using removed
where
    written.run_id = removed.run_id
    and written.checkpoint_ns = removed.checkpoint_ns
    and written.checkpoint_id = removed.checkpoint_id;
