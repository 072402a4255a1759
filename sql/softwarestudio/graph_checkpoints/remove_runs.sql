-- Removes the checkpoints that runs have made, as their metadata say, and what was written towards them.
-- :exec
with removed as (
    delete from checkpoints
    where metadata ->> 'run_id' = any(:'run_ids'::text[])
    returning
        thread_id,
        checkpoint_ns,
        checkpoint_id
)

delete from checkpoint_writes
using removed
where
    checkpoint_writes.thread_id = removed.thread_id
    and checkpoint_writes.checkpoint_ns = removed.checkpoint_ns
    and checkpoint_writes.checkpoint_id = removed.checkpoint_id;
