-- Everything in this system belongs to a tenant, so tenants come first.
-- The document takes its ids from uuid_generate_v4(); gen_random_uuid() makes the same random ids
-- in the server's core, so that no extension is required here or in any later migration.

create table tenants (
    id uuid default gen_random_uuid(),
    name varchar(255) not null,
    slug varchar(255) not null,
    settings jsonb default '{}',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    deleted_at timestamptz,
    constraint tenants_pkey primary key (id),
    constraint tenants_slug_key unique (slug)
);
