-- Cancelled executions were kept for ever; now they go as failed ones do, and come in the order of their end.
-- Writes are blocked while it is built; retention itself keeps the table small enough for that to be short.

-- serves retention/remove_cancelled_executions
create index idx_executions_cancelled on executions (coalesce(completed_at, created_at), id)
where status = 'cancelled';
