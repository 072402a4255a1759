drop index idx_sessions_revoked;

drop index idx_executions_failed;

drop index idx_executions_completed;
