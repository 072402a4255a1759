-- The draft of a workflow is a graph: steps, and the edges between them.

create table steps (
    id uuid default gen_random_uuid(),
    workflow_id uuid not null,
    name varchar(255) not null,
    type varchar(50) not null,
    config jsonb not null default '{}',
    position_x integer default 0,
    position_y integer default 0,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint steps_pkey primary key (id),
    constraint steps_workflow_id_fkey foreign key (workflow_id) references workflows (id) on delete cascade
);

create table edges (
    id uuid default gen_random_uuid(),
    workflow_id uuid not null,
    source_step_id uuid not null,
    target_step_id uuid not null,
    condition text,
    created_at timestamptz default now(),
    constraint edges_pkey primary key (id),
    constraint edges_source_step_id_target_step_id_key unique (source_step_id, target_step_id),
    constraint edges_workflow_id_fkey foreign key (workflow_id) references workflows (id) on delete cascade,
    constraint edges_source_step_id_fkey foreign key (source_step_id) references steps (id) on delete cascade,
    constraint edges_target_step_id_fkey foreign key (target_step_id) references steps (id) on delete cascade
);
