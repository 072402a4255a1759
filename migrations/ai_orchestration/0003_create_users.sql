-- Keycloak owns the accounts and gives the id; this table holds what the system adds: tenant and role.

create table users (
    id uuid,
    tenant_id uuid not null,
    email varchar(255) not null,
    name varchar(255),
    role varchar(50) not null default 'viewer',
    last_login_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint users_pkey primary key (id),
    constraint users_tenant_id_email_key unique (tenant_id, email),
    constraint users_tenant_id_fkey foreign key (tenant_id) references tenants (id)
);
