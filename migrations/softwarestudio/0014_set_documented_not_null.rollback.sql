-- The columns stay not null, as the first migration made them; only the checks of 0013 come back.

alter table audit_log
    add constraint audit_log_defaults_check
    check (
        details is not null
        and created_at is not null
    ) not valid;

alter table prompt_versions
    add constraint prompt_versions_defaults_check
    check (
        is_active is not null
        and created_at is not null
    ) not valid;

alter table agent_settings
    add constraint agent_settings_defaults_check
    check (
        provider is not null
        and auth_type is not null
        and daily_limit is not null
        and hard_limit is not null
        and usage_unit is not null
        and usage_today is not null
        and last_reset_date is not null
        and env_overrides is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;

alter table agent_executions
    add constraint agent_executions_defaults_check
    check (
        started_at is not null
        and status is not null
        and tokens_used is not null
        and metadata is not null
    ) not valid;

alter table artifacts
    add constraint artifacts_defaults_check
    check (
        version is not null
        and created_at is not null
        and metadata is not null
    ) not valid;

alter table checkpoints
    add constraint checkpoints_defaults_check
    check (
        metadata is not null
        and created_at is not null
    ) not valid;

alter table sessions
    add constraint sessions_defaults_check
    check (
        created_at is not null
        and updated_at is not null
        and iteration_count is not null
        and qa_passed is not null
        and metadata is not null
    ) not valid;
