-- Ends an execution that is not over, whatever it is doing, with the error that nothing could be done about.
-- :exec
update executions
set
    status = 'failed',
    completed_at = now(),
    error_message = :'error_message'
where
    id = :'execution_id'
    and status not in ('completed', 'failed', 'cancelled');
