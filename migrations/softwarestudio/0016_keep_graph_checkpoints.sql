-- LangGraph keeps the checkpoints of subgraphs beside those of their graph, in a namespace, and what tasks have written
-- before the next checkpoint; the documented table has neither. Its rows are of the graph itself, namespace ''.
-- A write may come before the checkpoint it belongs to, so it has no reference to it; both go with their thread.
-- Writes are in the order of their bytes, as LangGraph sorts them. The column comes without reading a row. The index is
-- built while writes wait; threads that are over are removed.

alter table checkpoints
    add column checkpoint_ns text not null default '';

create table checkpoint_writes (
    thread_id varchar(64) not null,
    checkpoint_ns text not null default '',
    checkpoint_id varchar(64) not null,
    task_id text collate "C" not null,
    idx integer not null,
    task_path text collate "C" not null default '',
    channel text not null,
    type text not null,
    value bytea not null,
    constraint checkpoint_writes_pkey primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);

-- serves graph_checkpoints/find_latest and graph_checkpoints/list_all: LangGraph's ids grow with time
create index idx_checkpoints_graph on checkpoints (thread_id, checkpoint_ns, checkpoint_id desc);
