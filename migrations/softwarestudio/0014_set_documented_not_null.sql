-- No documented column with a default holds null since 0013; now its type says so.
-- Validating reads every row while reads and writes go on; set not null then finds each column proved by its check
-- and reads nothing under its lock, and the check has done its work.

alter table sessions
    validate constraint sessions_defaults_check;

alter table checkpoints
    validate constraint checkpoints_defaults_check;

alter table artifacts
    validate constraint artifacts_defaults_check;

alter table agent_executions
    validate constraint agent_executions_defaults_check;

alter table agent_settings
    validate constraint agent_settings_defaults_check;

alter table prompt_versions
    validate constraint prompt_versions_defaults_check;

alter table audit_log
    validate constraint audit_log_defaults_check;

alter table sessions
    alter column created_at set not null,
    alter column updated_at set not null,
    alter column iteration_count set not null,
    alter column qa_passed set not null,
    alter column metadata set not null;

alter table sessions
    drop constraint sessions_defaults_check;

alter table checkpoints
    alter column metadata set not null,
    alter column created_at set not null;

alter table checkpoints
    drop constraint checkpoints_defaults_check;

alter table artifacts
    alter column version set not null,
    alter column created_at set not null,
    alter column metadata set not null;

alter table artifacts
    drop constraint artifacts_defaults_check;

alter table agent_executions
    alter column started_at set not null,
    alter column status set not null,
    alter column tokens_used set not null,
    alter column metadata set not null;

alter table agent_executions
    drop constraint agent_executions_defaults_check;

alter table agent_settings
    alter column provider set not null,
    alter column auth_type set not null,
    alter column daily_limit set not null,
    alter column hard_limit set not null,
    alter column usage_unit set not null,
    alter column usage_today set not null,
    alter column last_reset_date set not null,
    alter column env_overrides set not null,
    alter column created_at set not null,
    alter column updated_at set not null;

alter table agent_settings
    drop constraint agent_settings_defaults_check;

alter table prompt_versions
    alter column is_active set not null,
    alter column created_at set not null;

alter table prompt_versions
    drop constraint prompt_versions_defaults_check;

alter table audit_log
    alter column details set not null,
    alter column created_at set not null;

alter table audit_log
    drop constraint audit_log_defaults_check;
