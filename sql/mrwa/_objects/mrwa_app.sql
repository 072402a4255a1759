-- What the application may do: all with the rows of every table, and nothing with the tables themselves.
-- The list of migrations is for it to read.
-- since: 0021_add_application_role
grant usage on schema public to mrwa_app;
grant select, insert, update, delete on all tables in schema public to mrwa_app;
grant usage on all sequences in schema public to mrwa_app;
revoke insert, update, delete on schema_version from mrwa_app;
