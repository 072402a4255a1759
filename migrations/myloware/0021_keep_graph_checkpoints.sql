-- LangGraph wants more of a checkpoint than the latest state of a run: those before it, one a subgraph, and what tasks
-- have written since. `orchestration_checkpoints` goes on having the latest state; the rest is here.
-- Both belong to the run, not to its latest state: a task may write before the first checkpoint is there.

create table graph_checkpoints (
    run_id text,
    checkpoint_ns text,
    checkpoint_id text,
    parent_id text,
    checkpoint jsonb not null,
    metadata jsonb not null,
    constraint graph_checkpoints_pkey primary key (run_id, checkpoint_ns, checkpoint_id),
    constraint graph_checkpoints_run_id_fkey foreign key (run_id) references runs (run_id) on delete cascade
);

create table graph_writes (
    run_id text,
    checkpoint_ns text,
    checkpoint_id text,
    task_id text,
    write_number integer,
    task_path text not null,
    channel text not null,
    value jsonb not null,
    constraint graph_writes_pkey primary key (run_id, checkpoint_ns, checkpoint_id, task_id, write_number),
    constraint graph_writes_run_id_fkey foreign key (run_id) references runs (run_id) on delete cascade
);
