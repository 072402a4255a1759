-- Loads many lines at once into the logs of executions, each with the moment at which it was written.
-- PostgreSQL has no copy under row-level security: this is for the tables' owner and whoever stands above the policies.
-- :copy
insert into execution_logs (execution_id, timestamp, level, message, metadata, step_id)
values (:'execution_id', :'timestamp', :'level', :'message', :'metadata', :'step_id');
