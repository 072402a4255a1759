-- A user saw only the own executions, but the logs and the artifacts of everybody's.
-- Whoever cannot see an execution cannot see what belongs to it, nor add to it. As in 0003 a session that has not set
-- app.user_id gets an error, and the tables' owner stands above the policies.
-- users and sessions have none: they are read before it is known who asks, by the role that logs users in, and no
-- other role has any business with password hashes and tokens.

alter table execution_logs
    enable row level security;

create policy execution_logs_user_isolation on execution_logs
    for all
    using (
        exists (
            select from executions as execution
            where
                execution.id = execution_logs.execution_id
                and execution.user_id = current_setting('app.user_id')::uuid
        )
    );

alter table artifacts
    enable row level security;

create policy artifacts_user_isolation on artifacts
    for all
    using (
        exists (
            select from executions as execution
            where
                execution.id = artifacts.execution_id
                and execution.user_id = current_setting('app.user_id')::uuid
        )
    );
