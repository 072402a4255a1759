-- A webhook starts a run when another system calls it; its secret signs the call.

create table webhooks (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    workflow_id uuid not null,
    name varchar(255) not null,
    description text,
    secret varchar(255) not null,
    input_mapping jsonb,
    enabled boolean not null default true,
    last_triggered_at timestamptz,
    trigger_count integer not null default 0,
    created_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint webhooks_pkey primary key (id),
    constraint webhooks_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint webhooks_workflow_id_fkey foreign key (workflow_id) references workflows (id),
    constraint webhooks_created_by_fkey foreign key (created_by) references users (id)
);
