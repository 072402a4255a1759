-- Steps need credentials; they are kept encrypted and are named within their tenant.

create table secrets (
    id uuid default gen_random_uuid(),
    tenant_id uuid not null,
    name varchar(255) not null,
    encrypted_value text not null,
    created_by uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint secrets_pkey primary key (id),
    constraint secrets_tenant_id_name_key unique (tenant_id, name),
    constraint secrets_tenant_id_fkey foreign key (tenant_id) references tenants (id),
    constraint secrets_created_by_fkey foreign key (created_by) references users (id)
);
