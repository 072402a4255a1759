-- Indexes by the number of their scans since statistics began, the unused and largest first.
-- An index that keeps a constraint is needed even if no query reads it. An index that a session
-- has locked exclusively, or waits to, has no size here: to read the size would wait for the lock.
-- name: not null
-- table_name: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
with locked as materialized (
    select distinct lock.relation as oid
    from pg_locks as lock
    where
        lock.database = (
            select database.oid
            from pg_database as database
            where database.datname = current_database()
        )
        and lock.mode = 'AccessExclusiveLock'
)

select
    index_usage.indexrelid::regclass::text as name,
    index_usage.relid::regclass::text as table_name,
    coalesce(index_usage.idx_scan, 0) as scans,
    case
        when locked.oid is null then pg_relation_size(index_usage.indexrelid)
    end as bytes,
    exists (
        select from pg_constraint as held
        where held.conindid = index_usage.indexrelid
    ) as keeps_constraint
from pg_stat_user_indexes as index_usage
left join locked on index_usage.indexrelid = locked.oid
order by scans, bytes desc nulls first, name
limit :'max_rows';
