-- Expires sessions that nothing has changed for their time to live, one batch of the oldest; run it until none is left.
-- The document does not say how long that is: seven days, unless told. A session somebody is working on is passed by.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
\if :{?time_to_live} \else \set time_to_live '7 days' \endif
update sessions
set status = 'expired'
where session_id in (
    select session.session_id
    from sessions as session
    where
        session.status in ('pending', 'running', 'awaiting_approval')
        and session.updated_at < now() - :'time_to_live'::interval
    order by session.updated_at, session.session_id
    limit :'max_rows'
    for update skip locked
);
