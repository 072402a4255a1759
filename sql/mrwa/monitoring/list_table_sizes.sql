-- The tables of the schema public with all that belongs to them (indexes, large values), largest first.
-- The size is null for a table that is dropped at this moment.
-- :many
select
    namespace.nspname as schemaname,
    relation.relname as tablename,
    pg_size_pretty(pg_total_relation_size(relation.oid)) as size
from pg_class as relation
inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    namespace.nspname = 'public'
    and relation.relkind in ('r', 'p')
order by pg_total_relation_size(relation.oid) desc nulls last, relation.relname;
