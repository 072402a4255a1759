-- A workflow is edited as a draft; publishing raises its version and keeps a full snapshot,
-- so that a run can be read against the definition it used.

create table workflows (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    name varchar(255) not null,
    description text,
    status varchar(50) not null default 'draft',
    version integer not null default 1,
    input_schema jsonb,
    output_schema jsonb,
    created_by uuid,
    published_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    deleted_at timestamptz,
    constraint workflows_pkey primary key (id),
    constraint workflows_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint workflows_created_by_fkey foreign key (created_by) references users (id)
);

-- every list of workflows is one tenant's list
create index idx_workflows_tenant on workflows (tenant_id);

-- the lists of drafts and of published workflows
create index idx_workflows_status on workflows (status);

create table workflow_versions (
    id uuid default gen_random_uuid(),
    workflow_id uuid not null,
    version integer not null,
    definition jsonb not null,
    published_by uuid,
    published_at timestamptz default now(),
    constraint workflow_versions_pkey primary key (id),
    constraint workflow_versions_workflow_id_version_key unique (workflow_id, version),
    constraint workflow_versions_workflow_id_fkey foreign key (workflow_id) references workflows (id),
    constraint workflow_versions_published_by_fkey foreign key (published_by) references users (id)
);
