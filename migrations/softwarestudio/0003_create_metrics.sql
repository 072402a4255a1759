-- Aggregated figures get a table of their own; the diagram does not show it, the DDL has it.
-- It has no column table, so only what the DDL says is not null here.

create table metrics (
    id serial,
    metric_name varchar(100) not null,
    metric_value numeric not null,
    labels jsonb default '{}',
    recorded_at timestamptz default current_timestamp,
    constraint metrics_pkey primary key (id)
);

-- the course of one metric, and the latest of all
create index idx_metrics_name on metrics (metric_name);
create index idx_metrics_recorded on metrics (recorded_at desc);
