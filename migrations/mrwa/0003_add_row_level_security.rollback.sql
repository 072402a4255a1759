drop policy executions_user_isolation on executions;

alter table executions
    disable row level security;
