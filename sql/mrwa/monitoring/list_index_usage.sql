-- How often each index was scanned since statistics began, the unused ones first.
-- The document asks for tablename and indexname, which this view calls relname and indexrelname.
-- schemaname: not null
-- :many
select
    usage.schemaname,
    usage.relname as tablename,
    usage.indexrelname as indexname,
    usage.idx_scan as index_scans
from pg_stat_user_indexes as usage
order by usage.idx_scan, usage.schemaname, usage.indexrelname;
