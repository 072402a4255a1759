-- An explicit null is taken again.

alter table audit_logs
    drop constraint audit_logs_defaults_check;

alter table secrets
    drop constraint secrets_defaults_check;

alter table adapters
    drop constraint adapters_defaults_check;

alter table webhooks
    drop constraint webhooks_defaults_check;

alter table schedules
    drop constraint schedules_defaults_check;

alter table step_runs
    drop constraint step_runs_defaults_check;

alter table runs
    drop constraint runs_defaults_check;

alter table block_group_runs
    drop constraint block_group_runs_defaults_check;

alter table block_groups
    drop constraint block_groups_defaults_check;

alter table edges
    drop constraint edges_defaults_check;

alter table steps
    drop constraint steps_defaults_check;

alter table workflow_versions
    drop constraint workflow_versions_defaults_check;

alter table workflows
    drop constraint workflows_defaults_check;

alter table users
    drop constraint users_defaults_check;

alter table tenants
    drop constraint tenants_defaults_check;
