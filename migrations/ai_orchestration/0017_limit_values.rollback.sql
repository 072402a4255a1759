-- Any value is taken again.

alter table audit_logs
    drop constraint audit_logs_resource_type_check,
    drop constraint audit_logs_action_check;

alter table adapters
    drop constraint adapters_type_check;

alter table schedules
    drop constraint schedules_status_check;

alter table step_runs
    drop constraint step_runs_status_check;

alter table runs
    drop constraint runs_triggered_by_check,
    drop constraint runs_mode_check,
    drop constraint runs_status_check;

alter table block_group_runs
    drop constraint block_group_runs_status_check;

alter table block_groups
    drop constraint block_groups_type_check;

alter table steps
    drop constraint steps_type_check;

alter table workflows
    drop constraint workflows_status_check;

alter table users
    drop constraint users_role_check;
