-- A run records each pass through a group, one row an iteration for the groups that loop.

create table block_group_runs (
    id uuid default gen_random_uuid(),
    run_id uuid not null,
    block_group_id uuid not null,
    status varchar(50) default 'pending',
    iteration integer default 0,
    input jsonb,
    output jsonb,
    error text,
    started_at timestamptz,
    completed_at timestamptz,
    created_at timestamptz default now(),
    constraint block_group_runs_pkey primary key (id),
    constraint block_group_runs_run_id_fkey foreign key (run_id) references runs (id) on delete cascade,
    constraint block_group_runs_block_group_id_fkey
    foreign key (block_group_id) references block_groups (id) on delete cascade
);

-- a run is shown together with its groups
create index idx_block_group_runs_run on block_group_runs (run_id);

-- the iterations of one group
create index idx_block_group_runs_block_group on block_group_runs (block_group_id);
