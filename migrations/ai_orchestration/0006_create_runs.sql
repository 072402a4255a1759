-- A run is one execution of one version of a workflow; its step runs are the attempts at each step.
-- step_runs.step_id has no foreign key: the run keeps naming the step it executed after the step is deleted.

create table runs (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    workflow_id uuid not null,
    workflow_version integer not null,
    status varchar(50) not null default 'pending',
    mode varchar(50) not null default 'production',
    input jsonb,
    output jsonb,
    error text,
    triggered_by varchar(50) not null default 'manual',
    triggered_by_user uuid,
    started_at timestamptz,
    completed_at timestamptz,
    created_at timestamptz default now(),
    constraint runs_pkey primary key (id),
    constraint runs_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint runs_workflow_id_fkey foreign key (workflow_id) references workflows (id),
    constraint runs_triggered_by_user_fkey foreign key (triggered_by_user) references users (id)
);

-- the dashboard counts one tenant's runs by status
create index idx_runs_tenant on runs (tenant_id);

-- the history of one workflow
create index idx_runs_workflow on runs (workflow_id);

-- workers look for what is pending or running
create index idx_runs_status on runs (status);

create table step_runs (
    id uuid default gen_random_uuid(),
    run_id uuid not null,
    step_id uuid not null,
    step_name varchar(255) not null,
    status varchar(50) not null default 'pending',
    attempt integer not null default 1,
    input jsonb,
    output jsonb,
    error text,
    started_at timestamptz,
    completed_at timestamptz,
    duration_ms integer,
    created_at timestamptz default now(),
    constraint step_runs_pkey primary key (id),
    constraint step_runs_run_id_fkey foreign key (run_id) references runs (id) on delete cascade
);

-- a run is shown together with its step runs
create index idx_step_runs_run on step_runs (run_id);
