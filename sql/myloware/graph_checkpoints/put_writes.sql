-- Keeps what a task has written since a checkpoint. A task that runs again leaves what it has written before; what
-- LangGraph itself writes for a task, such as an error, has a number below zero and is written over.
-- :batch
insert into graph_writes as written (
    run_id, checkpoint_ns, checkpoint_id, task_id, write_number, task_path, channel, value
)
values (
    :'run_id', :'checkpoint_ns', :'checkpoint_id', :'task_id', :'write_number', :'task_path', :'channel', :'value'
)
on conflict (run_id, checkpoint_ns, checkpoint_id, task_id, write_number) do update
set
    task_path = excluded.task_path,
    channel = excluded.channel,
    value = excluded.value
where written.write_number < 0;
