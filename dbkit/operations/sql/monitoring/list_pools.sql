-- The connections of each program to this database, and how many of them are in use at this moment.
-- A pool of dbkit says in its application's name how many connections it may have; of another program nobody
-- knows the maximum, nor of how many processes it is. What the sessions of other roles do is visible to members
-- of pg_monitor only. Behind a pooler the connections are the pooler's.
-- program: not null
-- host: nullable
-- process: nullable
-- max_size: nullable
-- in_use: nullable
-- utilization: nullable
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    session.program,
    session.process,
    session.host,
    session.max_size,
    count(*) as connections,
    case
        when bool_and(session.state is not null) then count(*) filter (where session.state <> 'idle')
    end as in_use,
    case
        when bool_and(session.state is not null)
            then count(*) filter (where session.state <> 'idle')::float8 / session.max_size
    end as utilization
from (
    select
        activity.state,
        host(activity.client_addr) as host,
        coalesce(named.parts[1], activity.application_name) as program,
        named.parts[2] as process,
        nullif(named.parts[3]::integer, 0) as max_size
    from pg_stat_activity as activity
    left join
        lateral regexp_match(activity.application_name, '^(.*) ([0-9]+\.[0-9]+) \(pool of ([0-9]{1,9})\)$')
            as named (parts) on true
    where
        activity.datname = current_database()
        and coalesce(activity.backend_type, 'client backend') = 'client backend'
        and activity.usesysid is not null
        and activity.pid <> pg_backend_pid()
) as session
group by session.program, session.process, session.host, session.max_size
order by utilization desc nulls last, connections desc, session.program, session.process, session.host
limit :'max_rows';
