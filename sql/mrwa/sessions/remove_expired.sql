-- Removes the sessions that have expired or were revoked; a revoked one goes whatever its age.
-- Where revoked sessions are to be kept for seven days, the files in retention are the ones to run.
-- A session that somebody is changing at this moment is passed by.
-- :exec
delete from sessions
where id in (
    select session.id
    from sessions as session
    where
        session.expires_at < now()
        or session.revoked
    for update skip locked
);
