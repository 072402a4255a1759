-- Puts what a task has written towards the next checkpoint. The same write again is the first one; one of LangGraph's
-- own, whose number is negative, takes the place of the one before.
-- :batch
insert into checkpoint_writes as written (
    thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, value
)
values (
    :'thread_id', :'checkpoint_ns', :'checkpoint_id', :'task_id', :'idx', :'task_path', :'channel', :'type', :'value'
)
on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) do update
set
    task_path = excluded.task_path,
    channel = excluded.channel,
    type = excluded.type,
    value = excluded.value
where excluded.idx < 0;
