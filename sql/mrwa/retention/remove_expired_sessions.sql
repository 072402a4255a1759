-- Removes sessions that have expired and were not revoked, one batch of the oldest; run it until it removes none.
-- Nobody can use one any more. A revoked one stays its seven days, so that a stolen token is known for one.
-- Any number of these may run at once: each passes by what another one has.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from sessions
where id in (
    select session.id
    from sessions as session
    where
        session.expires_at < now()
        and not session.revoked
    order by session.expires_at, session.id
    limit :'max_rows'
    for update skip locked
);
