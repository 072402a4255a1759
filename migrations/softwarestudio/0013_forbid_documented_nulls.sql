-- A database made from the document's own statements may hold nulls where its tables say "Nullable: No", and dbkit
-- adopt takes it as it is. A null gets what the column's default would have given (a row that is filled counts as
-- updated). A version that is missing comes after the last of its file; an execution without a status has failed if it
-- has an error, is completed if it has an end, and else gets an hour to prove that it runs.
-- Filling locks only the filled rows, of which a database that was made by these files has none.
-- Not valid binds new rows at once without reading the old ones under a lock; 0014 reads those.

update sessions
set
    created_at = coalesce(created_at, current_timestamp),
    updated_at = coalesce(updated_at, created_at, current_timestamp),
    iteration_count = coalesce(iteration_count, 0),
    qa_passed = coalesce(qa_passed, false),
    metadata = coalesce(metadata, '{}')
where
    created_at is null
    or updated_at is null
    or iteration_count is null
    or qa_passed is null
    or metadata is null;

update checkpoints
set
    metadata = coalesce(metadata, '{}'),
    created_at = coalesce(created_at, current_timestamp)
where
    metadata is null
    or created_at is null;

lock table artifacts in share row exclusive mode;

update artifacts
set version = numbered.version
from (
    select
        artifact.id,
        coalesce(
            (
                select max(other.version)
                from artifacts as other
                where
                    other.session_id = artifact.session_id
                    and other.artifact_type = artifact.artifact_type
                    and other.file_path = artifact.file_path
            ),
            0
        )
        + row_number() over (
            partition by artifact.session_id, artifact.artifact_type, artifact.file_path
            order by artifact.created_at, artifact.id
        ) as version
    from artifacts as artifact
    where artifact.version is null
) as numbered
where artifacts.id = numbered.id;

update artifacts
set
    created_at = coalesce(created_at, current_timestamp),
    metadata = coalesce(metadata, '{}')
where
    created_at is null
    or metadata is null;

update agent_executions
set
    status = case
        when error_message is not null then 'failed'
        when completed_at is not null then 'completed'
        else 'running'
    end,
    leased_until = case
        when coalesce(error_message, completed_at::text) is null then current_timestamp + interval '1 hour'
    end
where status is null;

update agent_executions
set
    started_at = coalesce(started_at, current_timestamp),
    tokens_used = coalesce(tokens_used, 0),
    metadata = coalesce(metadata, '{}')
where
    started_at is null
    or tokens_used is null
    or metadata is null;

update agent_settings
set
    provider = coalesce(provider, 'anthropic'),
    auth_type = coalesce(auth_type, 'api_key'),
    daily_limit = coalesce(daily_limit, 0),
    hard_limit = coalesce(hard_limit, false),
    usage_unit = coalesce(usage_unit, 'runs'),
    usage_today = coalesce(usage_today, 0),
    last_reset_date = coalesce(last_reset_date, (current_timestamp at time zone 'UTC')::date),
    env_overrides = coalesce(env_overrides, '{}'),
    created_at = coalesce(created_at, current_timestamp),
    updated_at = coalesce(updated_at, created_at, current_timestamp)
where
    provider is null
    or auth_type is null
    or daily_limit is null
    or hard_limit is null
    or usage_unit is null
    or usage_today is null
    or last_reset_date is null
    or env_overrides is null
    or created_at is null
    or updated_at is null;

update prompt_versions
set
    is_active = coalesce(is_active, false),
    created_at = coalesce(created_at, current_timestamp)
where
    is_active is null
    or created_at is null;

update audit_log
set
    details = coalesce(details, '{}'),
    created_at = coalesce(created_at, current_timestamp)
where
    details is null
    or created_at is null;

alter table sessions
    add constraint sessions_defaults_check
    check (
        created_at is not null
        and updated_at is not null
        and iteration_count is not null
        and qa_passed is not null
        and metadata is not null
    ) not valid;

alter table checkpoints
    add constraint checkpoints_defaults_check
    check (
        metadata is not null
        and created_at is not null
    ) not valid;

alter table artifacts
    add constraint artifacts_defaults_check
    check (
        version is not null
        and created_at is not null
        and metadata is not null
    ) not valid;

alter table agent_executions
    add constraint agent_executions_defaults_check
    check (
        started_at is not null
        and status is not null
        and tokens_used is not null
        and metadata is not null
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

alter table prompt_versions
    add constraint prompt_versions_defaults_check
    check (
        is_active is not null
        and created_at is not null
    ) not valid;

alter table audit_log
    add constraint audit_log_defaults_check
    check (
        details is not null
        and created_at is not null
    ) not valid;
