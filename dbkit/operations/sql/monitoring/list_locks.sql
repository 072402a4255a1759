-- The locks that sessions hold or wait for on the tables of this database, counted by kind.
-- The lock of a reader is left out, because only `drop` and `alter` wait for it.
-- name: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    lock.relation::regclass::text as name,
    lock.mode,
    count(*) filter (where lock.granted) as held,
    count(*) filter (where not lock.granted) as wanted
from pg_locks as lock
inner join pg_class as relation on relation.oid = lock.relation
inner join pg_namespace as namespace on namespace.oid = relation.relnamespace
where
    lock.database = (select database.oid from pg_database as database where database.datname = current_database())
    and lock.mode <> 'AccessShareLock'
    and relation.relkind in ('r', 'p', 'm')
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
group by lock.relation, lock.mode
order by wanted desc, held desc, name, lock.mode
limit :'max_rows';
