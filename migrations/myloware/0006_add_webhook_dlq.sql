-- A webhook that could not be processed was lost; it now waits here to be replayed with exponential backoff.

create table webhook_dlq (
    id uuid default gen_random_uuid(),
    idempotency_key text not null,
    provider text not null,
    headers jsonb not null,
    payload bytea not null,
    error text not null,
    retry_count integer not null default 0,
    next_retry_at timestamptz,
    last_error_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint webhook_dlq_pkey primary key (id),
    constraint uq_webhook_dlq_idempotency unique (idempotency_key, provider)
);

-- serves the entries due for replay
create index idx_webhook_dlq_next_retry on webhook_dlq (next_retry_at);

-- serves the most common errors of each provider
create index idx_webhook_dlq_provider on webhook_dlq (provider);
