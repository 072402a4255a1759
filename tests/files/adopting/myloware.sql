-- The tables of myloware as its document lists them, made by alembic.
CREATE TABLE runs (
  run_id     TEXT PRIMARY KEY,
  project    TEXT NOT NULL,
  status     TEXT NOT NULL,
  payload    JSONB,
  result     JSONB,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE TABLE artifacts (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  run_id TEXT NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  url TEXT,
  provider TEXT,
  checksum TEXT,
  metadata JSONB NOT NULL DEFAULT '{}'::jsonb,
  retrieval_trace JSONB,
  persona TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_artifacts_persona ON artifacts(persona);
CREATE TABLE webhook_events (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  idempotency_key TEXT NOT NULL,
  provider TEXT NOT NULL,
  headers JSONB NOT NULL,
  payload BYTEA NOT NULL,
  signature_status TEXT NOT NULL,
  received_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

ALTER TABLE webhook_events
  ADD CONSTRAINT uq_webhook_events_idempotency
  UNIQUE (idempotency_key);
CREATE TABLE webhook_dlq (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  idempotency_key TEXT NOT NULL,
  provider TEXT NOT NULL,
  headers JSONB NOT NULL,
  payload BYTEA NOT NULL,
  error TEXT NOT NULL,
  retry_count INTEGER NOT NULL DEFAULT 0,
  next_retry_at TIMESTAMPTZ,
  last_error_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

ALTER TABLE webhook_dlq
  ADD CONSTRAINT uq_webhook_dlq_idempotency
  UNIQUE (idempotency_key, provider);

CREATE INDEX idx_webhook_dlq_next_retry
  ON webhook_dlq(next_retry_at);

CREATE INDEX idx_webhook_dlq_provider
  ON webhook_dlq(provider);
CREATE TABLE orchestration_checkpoints (
  run_id    TEXT PRIMARY KEY,
  state     JSONB NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE TABLE hitl_approvals (
  id SERIAL PRIMARY KEY,
  run_id TEXT NOT NULL,
  gate TEXT NOT NULL,
  approver_ip TEXT,
  approver TEXT,
  metadata JSON,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_hitl_approvals_run_id ON hitl_approvals(run_id);
CREATE TABLE kb_documents (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  project TEXT,
  persona TEXT,
  path TEXT NOT NULL,
  content TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_kb_documents_project_persona
  ON kb_documents(project, persona);
CREATE TABLE kb_embeddings (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  doc_id UUID NOT NULL REFERENCES kb_documents(id) ON DELETE CASCADE,
  embedding VECTOR(1536)
);

CREATE INDEX idx_kb_embeddings_doc ON kb_embeddings(doc_id);

CREATE INDEX idx_kb_embeddings_cosine
  ON kb_embeddings
  USING ivfflat (embedding vector_cosine_ops);
CREATE TABLE socials (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  provider TEXT NOT NULL,
  account_id TEXT NOT NULL,
  credential_ref TEXT,
  default_caption TEXT,
  default_tags JSONB,
  privacy TEXT,
  rate_limit_window INTEGER,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE TABLE project_socials (
  id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
  project TEXT NOT NULL,
  social_id UUID NOT NULL REFERENCES socials(id) ON DELETE CASCADE,
  is_primary BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
