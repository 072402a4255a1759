-- A column with a default could still be set to null, so every reader had to expect what nobody means.
-- The nulls there are get the default first (a user that is filled counts as updated), then not valid binds new rows
-- at once without reading the old ones under a lock; 0008 reads those.

update users
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now()),
    email_verified = coalesce(email_verified, false),
    metadata = coalesce(metadata, '{}'::jsonb)
where
    created_at is null
    or updated_at is null
    or email_verified is null
    or metadata is null;

update sessions
set
    created_at = coalesce(created_at, now()),
    last_used_at = coalesce(last_used_at, now()),
    revoked = coalesce(revoked, false)
where
    created_at is null
    or last_used_at is null
    or revoked is null;

update executions
set
    current_step = coalesce(current_step, 0),
    created_at = coalesce(created_at, now()),
    metadata = coalesce(metadata, '{}'::jsonb)
where
    current_step is null
    or created_at is null
    or metadata is null;

update execution_logs
set timestamp = now()
where timestamp is null;

update artifacts
set
    verified = coalesce(verified, false),
    created_at = coalesce(created_at, now())
where
    verified is null
    or created_at is null;

alter table users
    add constraint users_defaults_check
    check (
        created_at is not null
        and updated_at is not null
        and email_verified is not null
        and metadata is not null
    ) not valid;

alter table sessions
    add constraint sessions_defaults_check
    check (
        created_at is not null
        and last_used_at is not null
        and revoked is not null
    ) not valid;

alter table executions
    add constraint executions_defaults_check
    check (
        current_step is not null
        and created_at is not null
        and metadata is not null
    ) not valid;

alter table execution_logs
    add constraint execution_logs_defaults_check
    check (timestamp is not null) not valid;

alter table artifacts
    add constraint artifacts_defaults_check
    check (
        verified is not null
        and created_at is not null
    ) not valid;
