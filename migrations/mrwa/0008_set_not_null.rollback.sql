alter table artifacts
    alter column verified drop not null,
    alter column created_at drop not null,
    add constraint artifacts_defaults_check
    check (
        verified is not null
        and created_at is not null
    ) not valid;

alter table execution_logs
    alter column timestamp drop not null,
    add constraint execution_logs_defaults_check
    check (timestamp is not null) not valid;

alter table executions
    alter column current_step drop not null,
    alter column created_at drop not null,
    alter column metadata drop not null,
    add constraint executions_defaults_check
    check (
        current_step is not null
        and created_at is not null
        and metadata is not null
    ) not valid;

alter table sessions
    alter column created_at drop not null,
    alter column last_used_at drop not null,
    alter column revoked drop not null,
    add constraint sessions_defaults_check
    check (
        created_at is not null
        and last_used_at is not null
        and revoked is not null
    ) not valid;

alter table users
    alter column created_at drop not null,
    alter column updated_at drop not null,
    alter column email_verified drop not null,
    alter column metadata drop not null,
    add constraint users_defaults_check
    check (
        created_at is not null
        and updated_at is not null
        and email_verified is not null
        and metadata is not null
    ) not valid;
