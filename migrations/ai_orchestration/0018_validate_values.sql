-- Proves the checks for the rows that were there before them. Validating reads each table while reads and
-- writes go on. It stops at an undocumented value: correct that row, then run it again.

alter table users
    validate constraint users_role_check;

alter table workflows
    validate constraint workflows_status_check;

alter table steps
    validate constraint steps_type_check;

alter table block_groups
    validate constraint block_groups_type_check;

alter table block_group_runs
    validate constraint block_group_runs_status_check;

alter table runs
    validate constraint runs_status_check,
    validate constraint runs_mode_check,
    validate constraint runs_triggered_by_check;

alter table step_runs
    validate constraint step_runs_status_check;

alter table schedules
    validate constraint schedules_status_check;

alter table adapters
    validate constraint adapters_type_check;

alter table audit_logs
    validate constraint audit_logs_action_check,
    validate constraint audit_logs_resource_type_check;
