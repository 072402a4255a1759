-- What the application may do: all with the rows of every table, and nothing with the tables themselves.
-- The list of migrations is for it to read.
-- since: 0017_add_application_role
grant usage on schema public to softwarestudio_app;
grant select, insert, update, delete on all tables in schema public to softwarestudio_app;
grant usage on all sequences in schema public to softwarestudio_app;
revoke insert, update, delete on schema_version from softwarestudio_app;
