alter table artifacts
    drop constraint artifacts_type_check;

alter table execution_logs
    drop constraint execution_logs_level_check;

alter table executions
    drop constraint executions_status_check;
