-- Removes all checkpoints of a thread but the latest of each namespace, with what was written towards them.
-- A thread with channels that are rebuilt from earlier checkpoints (DeltaChannel) is left whole: it needs them.
-- :exec
with kept as (
    select distinct on (checkpoint.checkpoint_ns) checkpoint.id
    from checkpoints as checkpoint
    where checkpoint.thread_id = :'thread_id'
    order by checkpoint.checkpoint_ns, checkpoint.checkpoint_id desc
),

removed as (
    delete from checkpoints
    where
        thread_id = :'thread_id'
        and id not in (select kept.id from kept)
        and not exists (
            select
            from checkpoints as delta
            where
                delta.thread_id = :'thread_id'
                and delta.metadata -> 'counters_since_delta_snapshot' <> '{}'
        )
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
