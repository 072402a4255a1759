-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table audit_logs
    drop constraint audit_logs_action_check,
    add constraint audit_logs_action_check
    check (action in ('create', 'update', 'delete', 'publish', 'execute')) not valid,
    drop constraint audit_logs_resource_type_check,
    add constraint audit_logs_resource_type_check
    check (resource_type in ('workflow', 'run', 'secret')) not valid;

alter table adapters
    drop constraint adapters_type_check,
    add constraint adapters_type_check
    check (type in ('builtin', 'custom')) not valid;

alter table schedules
    drop constraint schedules_status_check,
    add constraint schedules_status_check
    check (status in ('active', 'paused')) not valid;

alter table step_runs
    drop constraint step_runs_status_check,
    add constraint step_runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed')) not valid;

alter table runs
    drop constraint runs_status_check,
    add constraint runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')) not valid,
    drop constraint runs_mode_check,
    add constraint runs_mode_check
    check (mode in ('test', 'production')) not valid,
    drop constraint runs_triggered_by_check,
    add constraint runs_triggered_by_check
    check (triggered_by in ('manual', 'schedule', 'webhook')) not valid;

alter table block_group_runs
    drop constraint block_group_runs_status_check,
    add constraint block_group_runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed', 'skipped')) not valid;

alter table block_groups
    drop constraint block_groups_type_check,
    add constraint block_groups_type_check
    check (type in ('parallel', 'try_catch', 'if_else', 'switch_case', 'foreach', 'while')) not valid;

alter table steps
    drop constraint steps_type_check,
    add constraint steps_type_check
    check (type in ('llm', 'tool', 'condition', 'map', 'join', 'subflow')) not valid;

alter table workflows
    drop constraint workflows_status_check,
    add constraint workflows_status_check
    check (status in ('draft', 'published')) not valid;

alter table users
    drop constraint users_role_check,
    add constraint users_role_check
    check (role in ('tenant_admin', 'builder', 'operator', 'viewer')) not valid;
