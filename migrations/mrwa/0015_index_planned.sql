-- Workers take the execution that has been planned for longest, which meant to sort all that are planned.
-- Writes are blocked while it is built; few executions are planned at a time, and retention keeps the table small.

-- serves executions/claim
create index idx_executions_planned on executions (created_at, id)
where status = 'planned';
