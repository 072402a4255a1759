-- What the application may do: all with the rows of every table, and nothing with the tables themselves.
-- The list of migrations is for it to read.
-- since: 0020_add_application_role
grant usage on schema public to myloware_app;
grant select, insert, update, delete on all tables in schema public to myloware_app;
grant usage on all sequences in schema public to myloware_app;
revoke insert, update, delete on schema_version from myloware_app;
