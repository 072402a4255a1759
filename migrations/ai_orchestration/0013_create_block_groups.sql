-- Loops, branches and error handling span several steps; a group holds them and may hold other groups.

create table block_groups (
    id uuid default gen_random_uuid(),
    workflow_id uuid not null,
    name varchar(255) not null,
    type varchar(50) not null,
    config jsonb not null default '{}',
    parent_group_id uuid,
    position_x integer default 0,
    position_y integer default 0,
    width integer default 400,
    height integer default 300,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint block_groups_pkey primary key (id),
    constraint block_groups_workflow_id_fkey foreign key (workflow_id) references workflows (id) on delete cascade,
    constraint block_groups_parent_group_id_fkey
    foreign key (parent_group_id) references block_groups (id) on delete cascade
);

-- a workflow is loaded with its groups
create index idx_block_groups_workflow on block_groups (workflow_id);

-- the groups inside a group, also when it is deleted with them
create index idx_block_groups_parent on block_groups (parent_group_id);
