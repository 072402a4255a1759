-- Removes the checkpoints of a thread and what was written towards them.
-- :exec
with written as (
    delete from checkpoint_writes
    where thread_id = :'thread_id'
)

delete from checkpoints
where thread_id = :'thread_id';
