-- Ends an execution whose work is done; it touches none where it is not at work, or where another worker has it
-- meanwhile than the one with this attempt. One that is being corrected has to be validated or to run first.
-- :exec
update executions
set
    status = 'completed',
    completed_at = now(),
    leased_until = null
where
    id = :'execution_id'
    and attempts = :'attempt'
    and status in ('running', 'validating', 'correcting');
