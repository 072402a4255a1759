-- Removes sessions revoked more than seven days ago, one batch of the oldest; run it until it removes none. Any
-- number of these may run at once: each passes by what another one has.
-- Until then a stolen token that comes again is known for one. Where a session was revoked by hand and revoked_at is
-- not set, its age counts from its creation, as in the document, which has no such column.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from sessions
where id in (
    select session.id
    from sessions as session
    where
        session.revoked
        and coalesce(session.revoked_at, session.created_at) < now() - interval '7 days'
    order by coalesce(session.revoked_at, session.created_at), session.id
    limit :'max_rows'
    for update skip locked
);
