-- Who did what to which resource. Actor and resource have no foreign key: the record outlives both.

create table audit_logs (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    actor_id uuid,
    actor_email varchar(255),
    action varchar(100) not null,
    resource_type varchar(100) not null,
    resource_id uuid,
    metadata jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamptz default now(),
    constraint audit_logs_pkey primary key (id),
    constraint audit_logs_tenant_id_fkey foreign key (tenant_id) references tenants (id)
);

-- an auditor reads one tenant's log
create index idx_audit_logs_tenant on audit_logs (tenant_id);

-- the log is read by period, newest first
create index idx_audit_logs_created on audit_logs (created_at);
