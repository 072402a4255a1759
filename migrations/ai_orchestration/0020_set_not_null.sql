-- A null that was there gets what the column's default would have given, and the columns become not null.
-- Filling locks only the filled rows, validating reads every row while reads and writes go on; set not null then finds
-- each column proved by its check and reads nothing under its lock, and the check has done its work.

update tenants
set
    settings = coalesce(settings, '{}'),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    settings is null
    or created_at is null
    or updated_at is null;

update users
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update workflows
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update workflow_versions
set published_at = now()
where published_at is null;

update steps
set
    position_x = coalesce(position_x, 0),
    position_y = coalesce(position_y, 0),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    position_x is null
    or position_y is null
    or created_at is null
    or updated_at is null;

update edges
set created_at = now()
where created_at is null;

update block_groups
set
    position_x = coalesce(position_x, 0),
    position_y = coalesce(position_y, 0),
    width = coalesce(width, 400),
    height = coalesce(height, 300),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    position_x is null
    or position_y is null
    or width is null
    or height is null
    or created_at is null
    or updated_at is null;

update block_group_runs
set
    status = coalesce(status, 'pending'),
    iteration = coalesce(iteration, 0),
    created_at = coalesce(created_at, now())
where
    status is null
    or iteration is null
    or created_at is null;

update runs
set created_at = now()
where created_at is null;

update step_runs
set created_at = now()
where created_at is null;

update schedules
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update webhooks
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update adapters
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update secrets
set
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, now())
where
    created_at is null
    or updated_at is null;

update audit_logs
set created_at = now()
where created_at is null;

alter table tenants
    validate constraint tenants_defaults_check;

alter table users
    validate constraint users_defaults_check;

alter table workflows
    validate constraint workflows_defaults_check;

alter table workflow_versions
    validate constraint workflow_versions_defaults_check;

alter table steps
    validate constraint steps_defaults_check;

alter table edges
    validate constraint edges_defaults_check;

alter table block_groups
    validate constraint block_groups_defaults_check;

alter table block_group_runs
    validate constraint block_group_runs_defaults_check;

alter table runs
    validate constraint runs_defaults_check;

alter table step_runs
    validate constraint step_runs_defaults_check;

alter table schedules
    validate constraint schedules_defaults_check;

alter table webhooks
    validate constraint webhooks_defaults_check;

alter table adapters
    validate constraint adapters_defaults_check;

alter table secrets
    validate constraint secrets_defaults_check;

alter table audit_logs
    validate constraint audit_logs_defaults_check;

alter table tenants
    alter column settings set not null,
    alter column created_at set not null,
    alter column updated_at set not null;

alter table tenants
    drop constraint tenants_defaults_check;

alter table users
    alter column created_at set not null,
    alter column updated_at set not null;

alter table users
    drop constraint users_defaults_check;

alter table workflows
    alter column created_at set not null,
    alter column updated_at set not null;

alter table workflows
    drop constraint workflows_defaults_check;

alter table workflow_versions
    alter column published_at set not null;

alter table workflow_versions
    drop constraint workflow_versions_defaults_check;

alter table steps
    alter column position_x set not null,
    alter column position_y set not null,
    alter column created_at set not null,
    alter column updated_at set not null;

alter table steps
    drop constraint steps_defaults_check;

alter table edges
    alter column created_at set not null;

alter table edges
    drop constraint edges_defaults_check;

alter table block_groups
    alter column position_x set not null,
    alter column position_y set not null,
    alter column width set not null,
    alter column height set not null,
    alter column created_at set not null,
    alter column updated_at set not null;

alter table block_groups
    drop constraint block_groups_defaults_check;

alter table block_group_runs
    alter column status set not null,
    alter column iteration set not null,
    alter column created_at set not null;

alter table block_group_runs
    drop constraint block_group_runs_defaults_check;

alter table runs
    alter column created_at set not null;

alter table runs
    drop constraint runs_defaults_check;

alter table step_runs
    alter column created_at set not null;

alter table step_runs
    drop constraint step_runs_defaults_check;

alter table schedules
    alter column created_at set not null,
    alter column updated_at set not null;

alter table schedules
    drop constraint schedules_defaults_check;

alter table webhooks
    alter column created_at set not null,
    alter column updated_at set not null;

alter table webhooks
    drop constraint webhooks_defaults_check;

alter table adapters
    alter column created_at set not null,
    alter column updated_at set not null;

alter table adapters
    drop constraint adapters_defaults_check;

alter table secrets
    alter column created_at set not null,
    alter column updated_at set not null;

alter table secrets
    drop constraint secrets_defaults_check;

alter table audit_logs
    alter column created_at set not null;

alter table audit_logs
    drop constraint audit_logs_defaults_check;
