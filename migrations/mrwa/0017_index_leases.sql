-- Whoever looks for executions whose lease has run out reads those at work alone, the first to run out first.
-- Writes are blocked while it is built; few executions are at work at a time, and retention keeps the table small.

-- serves executions/claim and executions/list_stalled
create index idx_executions_leased on executions (leased_until, id)
where status in ('running', 'validating', 'correcting');
