-- Removes a session with its artifacts and executions; what the audit log tells of it stays.
-- :exec
delete from sessions
where session_id = :'session_id';
