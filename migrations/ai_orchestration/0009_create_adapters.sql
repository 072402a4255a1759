-- An adapter is what a step calls out to. One without a tenant is global: every tenant may use it.

create table adapters (
    id varchar(100),
    tenant_id uuid,
    name varchar(255) not null,
    description text,
    type varchar(50) not null,
    config jsonb,
    input_schema jsonb,
    output_schema jsonb,
    enabled boolean not null default true,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint adapters_pkey primary key (id),
    constraint adapters_tenant_id_fkey foreign key (tenant_id) references tenants (id)
);
