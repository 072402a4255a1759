-- Tables by their size on the disk, with their indexes and large values, the largest first.
-- A table with many dead rows needs a vacuum. A table that a session has locked exclusively, or
-- waits to, comes first and has no size here: to read the size would wait for the lock.
-- name: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
with locked as materialized (
    select distinct coalesce(owner.oid, index.indrelid, lock.relation) as oid
    from pg_locks as lock
    left join pg_index as index on lock.relation = index.indexrelid
    left join pg_class as owner on owner.reltoastrelid = coalesce(index.indrelid, lock.relation)
    where
        lock.database = (
            select database.oid
            from pg_database as database
            where database.datname = current_database()
        )
        and lock.mode = 'AccessExclusiveLock'
)

select
    table_usage.relid::regclass::text as name,
    case
        when locked.oid is null then pg_total_relation_size(table_usage.relid)
    end as bytes,
    case
        when locked.oid is null then pg_indexes_size(table_usage.relid)
    end as index_bytes,
    coalesce(table_usage.n_live_tup, 0) as rows,
    coalesce(table_usage.n_dead_tup, 0) as dead_rows,
    coalesce(table_usage.seq_scan, 0) as full_scans,
    greatest(table_usage.last_vacuum, table_usage.last_autovacuum) as vacuumed_at
from pg_stat_user_tables as table_usage
left join locked on table_usage.relid = locked.oid
order by bytes desc nulls first, name
limit :'max_rows';
