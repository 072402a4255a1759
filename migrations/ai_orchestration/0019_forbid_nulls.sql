-- A column with a default always has a value, unless someone writes null on purpose; no null means anything here.
-- Not valid binds new rows at once without reading the old ones under a lock; 0020 reads those.

alter table tenants
    add constraint tenants_defaults_check
    check (
        settings is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;

alter table users
    add constraint users_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table workflows
    add constraint workflows_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table workflow_versions
    add constraint workflow_versions_defaults_check
    check (published_at is not null) not valid;

alter table steps
    add constraint steps_defaults_check
    check (
        position_x is not null
        and position_y is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;

alter table edges
    add constraint edges_defaults_check
    check (created_at is not null) not valid;

alter table block_groups
    add constraint block_groups_defaults_check
    check (
        position_x is not null
        and position_y is not null
        and width is not null
        and height is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;

alter table block_group_runs
    add constraint block_group_runs_defaults_check
    check (
        status is not null
        and iteration is not null
        and created_at is not null
    ) not valid;

alter table runs
    add constraint runs_defaults_check
    check (created_at is not null) not valid;

alter table step_runs
    add constraint step_runs_defaults_check
    check (created_at is not null) not valid;

alter table schedules
    add constraint schedules_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table webhooks
    add constraint webhooks_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table adapters
    add constraint adapters_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table secrets
    add constraint secrets_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table audit_logs
    add constraint audit_logs_defaults_check
    check (created_at is not null) not valid;
