-- A misspelt status, type, role, mode or action was stored without a word; the document names the values of each.
-- Adapter ids and the role of a step in its group stay open: of the first it names the built-in ones only,
-- of the second none.
-- Not valid binds new rows at once without reading the old ones under a lock; 0018 reads those, in a transaction
-- of its own, because a lock lasts until commit.

alter table users
    add constraint users_role_check
    check (role in ('tenant_admin', 'builder', 'operator', 'viewer')) not valid;

alter table workflows
    add constraint workflows_status_check
    check (status in ('draft', 'published')) not valid;

alter table steps
    add constraint steps_type_check
    check (type in ('llm', 'tool', 'condition', 'map', 'join', 'subflow')) not valid;

alter table block_groups
    add constraint block_groups_type_check
    check (type in ('parallel', 'try_catch', 'if_else', 'switch_case', 'foreach', 'while')) not valid;

alter table block_group_runs
    add constraint block_group_runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed', 'skipped')) not valid;

alter table runs
    add constraint runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')) not valid,
    add constraint runs_mode_check
    check (mode in ('test', 'production')) not valid,
    add constraint runs_triggered_by_check
    check (triggered_by in ('manual', 'schedule', 'webhook')) not valid;

alter table step_runs
    add constraint step_runs_status_check
    check (status in ('pending', 'running', 'completed', 'failed')) not valid;

alter table schedules
    add constraint schedules_status_check
    check (status in ('active', 'paused')) not valid;

alter table adapters
    add constraint adapters_type_check
    check (type in ('builtin', 'custom')) not valid;

alter table audit_logs
    add constraint audit_logs_action_check
    check (action in ('create', 'update', 'delete', 'publish', 'execute')) not valid,
    add constraint audit_logs_resource_type_check
    check (resource_type in ('workflow', 'run', 'secret')) not valid;
