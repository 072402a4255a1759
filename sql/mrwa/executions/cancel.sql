-- Cancels an execution that is not over, whatever it is doing, for the user it belongs to; else it touches none.
-- :exec
update executions
set
    status = 'cancelled',
    completed_at = now(),
    leased_until = null
where
    id = :'execution_id'
    and user_id = :'user_id'
    and status not in ('completed', 'failed', 'cancelled');
