-- Ends an execution that is not over, whatever it is doing, with the error that nothing could be done about.
-- With an attempt, as claim gave it, nothing is touched where another worker has it meanwhile.
-- :exec
update executions
set
    status = 'failed',
    completed_at = now(),
    leased_until = null,
    error_message = :'error_message'
where
    id = :'execution_id'
\if :{?attempt}
    and attempts = :'attempt'
\endif
    and status not in ('completed', 'failed', 'cancelled');
