-- "All tenant-owned tables support soft delete", says the document, and its tables show deleted_at on workflows alone.
-- Every table with a tenant_id gets it, except two that record what happened: runs and audit_logs, where
-- nothing is taken back. Tables without a tenant_id live and die with their workflow or run.
-- A column without a default is a change of the catalog only, done in an instant.

alter table users
    add column deleted_at timestamptz;

alter table schedules
    add column deleted_at timestamptz;

alter table webhooks
    add column deleted_at timestamptz;

alter table adapters
    add column deleted_at timestamptz;

alter table secrets
    add column deleted_at timestamptz;
