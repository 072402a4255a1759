drop index idx_executions_planned;
