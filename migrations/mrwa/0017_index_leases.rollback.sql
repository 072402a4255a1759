drop index idx_executions_leased;
