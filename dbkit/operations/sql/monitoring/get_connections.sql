-- The connections to this database by what they do, and the maximum number of the server.
-- A connection that is idle in a transaction keeps vacuum from removing old rows. What the
-- sessions of other roles do is visible to members of pg_monitor only.
-- :one
select
    count(*) filter (where session.state = 'active') as active,
    count(*) filter (where session.state = 'idle') as idle,
    count(*) filter (where session.state like 'idle in transaction%') as idle_in_transaction,
    count(*) filter (where session.backend_type is null) as hidden,
    count(*) as here,
    (
        select count(*) from pg_stat_activity
        where
            coalesce(backend_type, 'client backend') = 'client backend'
            and usesysid is not null
    ) as everywhere,
    current_setting('max_connections')::integer as room,
    extract(epoch from max(now() - session.xact_start))::float8 as oldest_transaction_seconds
from pg_stat_activity as session
where
    session.datname = current_database()
    and coalesce(session.backend_type, 'client backend') = 'client backend'
    and session.usesysid is not null
    and session.pid <> pg_backend_pid();
