-- The part of all reads that the server's own memory answered, from 0 to 1.
-- Null if nothing has been read yet.
-- :one
select
    (
        select sum(heap_blks_hit) / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0)
        from pg_statio_user_tables
    )::float8 as tables,
    (
        select sum(idx_blks_hit) / nullif(sum(idx_blks_hit) + sum(idx_blks_read), 0)
        from pg_statio_user_indexes
    )::float8 as indexes;
