-- Who waits for whom, the longest wait first: a session, the lock it waits for, and the session that holds it.
-- pid: not null
-- blocked_by: not null
-- :many
select
    waiting.pid,
    waiting.usename as username,
    waiting.application_name as application,
    waiting.query,
    extract(epoch from clock_timestamp() - waiting.state_change)::float8 as seconds,
    (
        select string_agg(distinct concat_ws(' ', wanted.mode, wanted.relation::regclass), ', ')
        from pg_locks as wanted
        where
            wanted.pid = waiting.pid
            and not wanted.granted
    ) as wants,
    blocking.pid as blocked_by,
    blocking.usename as blocking_username,
    blocking.state as blocking_state,
    blocking.query as blocking_query
from pg_stat_activity as waiting
cross join lateral unnest(pg_blocking_pids(waiting.pid)) as blocker (pid)
inner join pg_stat_activity as blocking on blocking.pid = blocker.pid
where waiting.datname = current_database()
order by seconds desc, waiting.pid, blocking.pid;
