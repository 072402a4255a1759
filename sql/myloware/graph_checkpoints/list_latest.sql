-- Checkpoints with what tasks have written since each, the latest first: of a run, of a graph in it, one alone, those
-- before another, those whose metadata have some values.
-- :many
\if :{?max_checkpoints} \else \set max_checkpoints 2147483647 \endif
select
    graph.run_id,
    graph.checkpoint_ns,
    graph.checkpoint_id,
    graph.parent_id,
    graph.checkpoint,
    graph.metadata,
    coalesce((
        select
            jsonb_agg(
                jsonb_build_array(written.task_id, written.channel, written.value)
                order by written.task_path, written.task_id, written.write_number
            )
        from graph_writes as written
        where
            written.run_id = graph.run_id
            and written.checkpoint_ns = graph.checkpoint_ns
            and written.checkpoint_id = graph.checkpoint_id
    ), '[]') as writes
from graph_checkpoints as graph
where
    true
\if :{?run_id}
    and graph.run_id = :'run_id'
\endif
\if :{?checkpoint_ns}
    and graph.checkpoint_ns = :'checkpoint_ns'
\endif
\if :{?checkpoint_id}
    and graph.checkpoint_id = :'checkpoint_id'
\endif
\if :{?before}
    and graph.checkpoint_id < :'before'
\endif
\if :{?metadata}
    and graph.metadata @> :'metadata'
\endif
order by graph.checkpoint_id desc, graph.run_id, graph.checkpoint_ns
limit :'max_checkpoints';
