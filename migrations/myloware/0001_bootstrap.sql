-- A production run leaves artifacts behind, is steered by provider webhooks and resumes from a checkpoint:
-- the four tables that the documented history starts with.
-- The document's uuid_generate_v4() is the core's gen_random_uuid() here, so no extension is needed for it.

create table runs (
    run_id text,
    project text not null,
    status text not null,
    payload jsonb,
    result jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint runs_pkey primary key (run_id)
);

create table artifacts (
    id uuid default gen_random_uuid(),
    run_id text not null,
    type text not null,
    url text,
    provider text,
    checksum text,
    metadata jsonb not null default '{}'::jsonb,
    created_at timestamptz not null default now(),
    constraint artifacts_pkey primary key (id),
    constraint artifacts_run_id_fkey foreign key (run_id) references runs (run_id) on delete cascade
);

create table webhook_events (
    id uuid default gen_random_uuid(),
    idempotency_key text not null,
    provider text not null,
    headers jsonb not null,
    payload bytea not null,
    signature_status text not null,
    received_at timestamptz not null default now(),
    constraint webhook_events_pkey primary key (id),
    constraint uq_webhook_events_idempotency unique (idempotency_key)
);

create table orchestration_checkpoints (
    run_id text,
    state jsonb not null,
    updated_at timestamptz not null default now(),
    constraint orchestration_checkpoints_pkey primary key (run_id)
);
