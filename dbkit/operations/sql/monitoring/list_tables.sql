-- Tables by what they take on the disk, with their indexes and large values, largest first.
-- A table with many dead rows waits for a vacuum.
-- name: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    table_usage.relid::regclass::text as name,
    coalesce(pg_total_relation_size(table_usage.relid), 0) as bytes,
    coalesce(pg_indexes_size(table_usage.relid), 0) as index_bytes,
    coalesce(table_usage.n_live_tup, 0) as rows,
    coalesce(table_usage.n_dead_tup, 0) as dead_rows,
    coalesce(table_usage.seq_scan, 0) as full_scans,
    greatest(table_usage.last_vacuum, table_usage.last_autovacuum) as vacuumed_at
from pg_stat_user_tables as table_usage
order by bytes desc, name
limit :'max_rows';
