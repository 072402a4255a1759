-- Indexes by how often they were scanned since statistics began, the unused and largest first.
-- One that keeps a constraint is needed even if nothing ever looks into it.
-- name: not null
-- table_name: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    index_usage.indexrelid::regclass::text as name,
    index_usage.relid::regclass::text as table_name,
    coalesce(index_usage.idx_scan, 0) as scans,
    coalesce(pg_relation_size(index_usage.indexrelid), 0) as bytes,
    exists (
        select from pg_constraint as held
        where held.conindid = index_usage.indexrelid
    ) as keeps_constraint
from pg_stat_user_indexes as index_usage
order by scans, bytes desc, name
limit :'max_rows';
