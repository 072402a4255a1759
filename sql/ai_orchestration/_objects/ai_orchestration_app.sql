-- What the application may do: all with the rows of every table, and nothing with the tables themselves.
-- The list of migrations is for it to read.
-- since: 0043_add_application_role
grant usage on schema public to ai_orchestration_app;
grant select, insert, update, delete on all tables in schema public to ai_orchestration_app;
grant usage on all sequences in schema public to ai_orchestration_app;
revoke insert, update, delete on schema_version from ai_orchestration_app;
