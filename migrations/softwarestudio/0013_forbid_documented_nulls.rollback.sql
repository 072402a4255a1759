-- What was filled stays filled.

alter table audit_log
    drop constraint audit_log_defaults_check;

alter table prompt_versions
    drop constraint prompt_versions_defaults_check;

alter table agent_settings
    drop constraint agent_settings_defaults_check;

alter table agent_executions
    drop constraint agent_executions_defaults_check;

alter table artifacts
    drop constraint artifacts_defaults_check;

alter table checkpoints
    drop constraint checkpoints_defaults_check;

alter table sessions
    drop constraint sessions_defaults_check;
