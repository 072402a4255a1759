-- The filled values stay: which of them were null is not known any more.

alter table audit_logs
    alter column created_at drop not null;

alter table audit_logs
    add constraint audit_logs_defaults_check
    check (created_at is not null) not valid;

alter table secrets
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table secrets
    add constraint secrets_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table adapters
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table adapters
    add constraint adapters_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table webhooks
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table webhooks
    add constraint webhooks_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table schedules
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table schedules
    add constraint schedules_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table step_runs
    alter column created_at drop not null;

alter table step_runs
    add constraint step_runs_defaults_check
    check (created_at is not null) not valid;

alter table runs
    alter column created_at drop not null;

alter table runs
    add constraint runs_defaults_check
    check (created_at is not null) not valid;

alter table block_group_runs
    alter column status drop not null,
    alter column iteration drop not null,
    alter column created_at drop not null;

alter table block_group_runs
    add constraint block_group_runs_defaults_check
    check (
        status is not null
        and iteration is not null
        and created_at is not null
    ) not valid;

alter table block_groups
    alter column position_x drop not null,
    alter column position_y drop not null,
    alter column width drop not null,
    alter column height drop not null,
    alter column created_at drop not null,
    alter column updated_at drop not null;

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

alter table edges
    alter column created_at drop not null;

alter table edges
    add constraint edges_defaults_check
    check (created_at is not null) not valid;

alter table steps
    alter column position_x drop not null,
    alter column position_y drop not null,
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table steps
    add constraint steps_defaults_check
    check (
        position_x is not null
        and position_y is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;

alter table workflow_versions
    alter column published_at drop not null;

alter table workflow_versions
    add constraint workflow_versions_defaults_check
    check (published_at is not null) not valid;

alter table workflows
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table workflows
    add constraint workflows_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table users
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table users
    add constraint users_defaults_check
    check (
        created_at is not null
        and updated_at is not null
    ) not valid;

alter table tenants
    alter column settings drop not null,
    alter column created_at drop not null,
    alter column updated_at drop not null;

alter table tenants
    add constraint tenants_defaults_check
    check (
        settings is not null
        and created_at is not null
        and updated_at is not null
    ) not valid;
