-- transactional: false

drop index concurrently idx_execution_logs_execution_added;
