-- No column with a default holds null since 0007; now its type says so, and a reader need not ask.
-- Validating reads every row while reads and writes go on; set not null then finds each column proved by its check
-- and reads nothing under its lock, and the check has done its work.

alter table users
    validate constraint users_defaults_check;

alter table sessions
    validate constraint sessions_defaults_check;

alter table executions
    validate constraint executions_defaults_check;

alter table execution_logs
    validate constraint execution_logs_defaults_check;

alter table artifacts
    validate constraint artifacts_defaults_check;

alter table users
    alter column created_at set not null,
    alter column updated_at set not null,
    alter column email_verified set not null,
    alter column metadata set not null;

alter table users
    drop constraint users_defaults_check;

alter table sessions
    alter column created_at set not null,
    alter column last_used_at set not null,
    alter column revoked set not null;

alter table sessions
    drop constraint sessions_defaults_check;

alter table executions
    alter column current_step set not null,
    alter column created_at set not null,
    alter column metadata set not null;

alter table executions
    drop constraint executions_defaults_check;

alter table execution_logs
    alter column timestamp set not null;

alter table execution_logs
    drop constraint execution_logs_defaults_check;

alter table artifacts
    alter column verified set not null,
    alter column created_at set not null;

alter table artifacts
    drop constraint artifacts_defaults_check;
