-- Removes revoked sessions older than seven days, one batch of the oldest; run it until it removes none.
-- When a session was revoked is not recorded: as in the document, its age counts from its creation.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from sessions
where id in (
    select session.id
    from sessions as session
    where
        session.revoked
        and session.created_at < now() - interval '7 days'
    order by session.created_at, session.id
    limit :'max_rows'
);
