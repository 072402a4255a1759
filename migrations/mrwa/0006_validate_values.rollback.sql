-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table artifacts
    drop constraint artifacts_type_check,
    add constraint artifacts_type_check
    check (type in ('summary', 'analysis', 'documentation', 'visualization', 'data_export')) not valid;

alter table execution_logs
    drop constraint execution_logs_level_check,
    add constraint execution_logs_level_check
    check (level in ('debug', 'info', 'warning', 'error', 'critical')) not valid;

alter table executions
    drop constraint executions_status_check,
    add constraint executions_status_check
    check (status in ('planned', 'running', 'validating', 'correcting', 'completed', 'failed', 'cancelled')) not valid;
