drop policy artifacts_user_isolation on artifacts;

alter table artifacts
    disable row level security;

drop policy execution_logs_user_isolation on execution_logs;

alter table execution_logs
    disable row level security;
