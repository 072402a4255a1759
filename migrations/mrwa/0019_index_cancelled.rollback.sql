drop index idx_executions_cancelled;
