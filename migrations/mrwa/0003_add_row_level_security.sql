-- A forgotten where clause showed one user the executions of all; now the database itself keeps them apart.
-- A session that has not set app.user_id gets an error, not an empty list. The tables' owner and superusers stand
-- above the policy, so the application connects as another role.

alter table executions
    enable row level security;

create policy executions_user_isolation on executions
    for all
    using (user_id = current_setting('app.user_id')::uuid);
