-- transactional: false
-- Serves the following of an execution's logs, which else reads all of them again for every new line.
-- The table is the largest and written to all the time, so the index is built beside the traffic.

create index concurrently idx_execution_logs_execution_added on execution_logs (execution_id, added_in);
