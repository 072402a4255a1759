-- A schedule starts runs by the clock: the expression says when, next_run_at holds the next instant it means.

create table schedules (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    workflow_id uuid not null,
    workflow_version integer not null default 1,
    name varchar(255) not null,
    description text,
    cron_expression varchar(100) not null,
    timezone varchar(50) not null default 'UTC',
    input jsonb,
    status varchar(50) not null default 'active',
    next_run_at timestamptz,
    last_run_at timestamptz,
    last_run_id uuid,
    run_count integer not null default 0,
    created_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint schedules_pkey primary key (id),
    constraint schedules_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint schedules_workflow_id_fkey foreign key (workflow_id) references workflows (id),
    constraint schedules_last_run_id_fkey foreign key (last_run_id) references runs (id),
    constraint schedules_created_by_fkey foreign key (created_by) references users (id)
);

-- the list of one tenant's schedules
create index idx_schedules_tenant on schedules (tenant_id);

-- the scheduler asks for active schedules that are due; paused ones are never due
create index idx_schedules_next_run on schedules (next_run_at) where status = 'active';
