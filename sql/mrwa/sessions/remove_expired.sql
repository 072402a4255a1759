-- Removes the sessions that have expired or were revoked; a revoked one goes whatever its age.
-- Where revoked sessions are to be kept for seven days, the files in retention are the ones to run.
-- :exec
delete from sessions
where
    expires_at < now()
    or revoked;
