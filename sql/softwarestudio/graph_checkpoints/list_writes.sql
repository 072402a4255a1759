-- What tasks have written towards the checkpoint after one, in the order in which LangGraph applies it.
-- :many
select
    written.task_id,
    written.channel,
    written.type,
    written.value
from checkpoint_writes as written
where
    written.thread_id = :'thread_id'
    and written.checkpoint_ns = :'checkpoint_ns'
    and written.checkpoint_id = :'checkpoint_id'
order by written.task_path, written.task_id, written.idx;
