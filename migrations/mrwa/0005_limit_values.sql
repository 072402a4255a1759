-- A misspelt status, level or type was stored without a word; the document names all the values of each.
-- Not valid binds new rows at once without reading the old ones under a lock; 0006 reads those.

alter table executions
    add constraint executions_status_check
    check (status in ('planned', 'running', 'validating', 'correcting', 'completed', 'failed', 'cancelled')) not valid;

alter table execution_logs
    add constraint execution_logs_level_check
    check (level in ('debug', 'info', 'warning', 'error', 'critical')) not valid;

alter table artifacts
    add constraint artifacts_type_check
    check (type in ('summary', 'analysis', 'documentation', 'visualization', 'data_export')) not valid;
