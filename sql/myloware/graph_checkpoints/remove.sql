-- Takes out all checkpoints of a run, what its tasks have written since, and its state.
-- :exec
with unwritten as (
    delete from graph_writes as written
    where written.run_id = :'run_id'
),

stateless as (
    delete from orchestration_checkpoints as latest
    where latest.run_id = :'run_id'
)

delete from graph_checkpoints as graph
where graph.run_id = :'run_id';
