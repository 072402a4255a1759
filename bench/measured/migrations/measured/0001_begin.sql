-- What is read, and what is written, while calls are measured.

create table runs (
    id uuid primary key,
    tenant_id uuid not null,
    workflow_id uuid not null,
    status varchar(20) not null,
    payload jsonb not null,
    note text,
    created_at timestamptz not null,
    finished_at timestamptz,
    seq integer not null unique
);

-- unlogged: what is measured is the way to the table, not the log behind it
create unlogged table events (
    id bigint not null,
    tenant_id uuid not null,
    name text not null,
    note text,
    kind integer not null,
    amount float8 not null,
    is_open boolean not null,
    created_at timestamptz not null
);

create unlogged table notes (
    id bigint generated always as identity primary key,
    run_id uuid not null,
    status varchar(20) not null,
    body text not null,
    created_at timestamptz not null default now()
);
