-- The transactions that are open, the one that began first at the top.
-- While one is open, vacuum removes no row that was deleted after it began.
-- pid: not null
-- seconds: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    session.pid,
    session.usename as username,
    session.application_name as application,
    session.state,
    extract(epoch from clock_timestamp() - session.xact_start)::float8 as seconds,
    session.query
from pg_stat_activity as session
where
    session.datname = current_database()
    and session.xact_start is not null
    and coalesce(session.backend_type, 'client backend') = 'client backend'
    and session.pid <> pg_backend_pid()
order by session.xact_start, session.pid
limit :'max_rows';
