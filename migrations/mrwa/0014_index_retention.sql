-- Each batch of retention read and sorted all that is completed, failed or revoked to find the oldest; these are small,
-- hold nothing else and come in that order. Old logs have idx_execution_logs_timestamp.
-- Writes are blocked while they are built; retention itself keeps the tables small enough for that to be short.

-- serves retention/remove_completed_executions
create index idx_executions_completed on executions (completed_at, id)
where status = 'completed';

-- serves retention/remove_failed_executions
create index idx_executions_failed on executions (coalesce(completed_at, created_at), id)
where status = 'failed';

-- serves retention/remove_revoked_sessions
create index idx_sessions_revoked on sessions (coalesce(revoked_at, created_at), id)
where revoked;
