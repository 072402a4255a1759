-- Appends lines to the logs of executions, each at the moment it is written, also where row-level security is in force.
-- The clock's time is taken, not the transaction's: lines of one transaction keep their order.
-- :batch
insert into execution_logs (execution_id, timestamp, level, message, metadata, step_id)
values (:'execution_id', clock_timestamp(), :'level', :'message', :'metadata', :'step_id');
