-- Statements by their total time, the slowest first; those that take more than a second in the mean come before.
-- It needs the extension pg_stat_statements.
-- is_slow: not null
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
\if :{?slow_milliseconds} \else \set slow_milliseconds 1000 \endif
select
    statement.query,
    statement.calls,
    statement.mean_exec_time as mean_milliseconds,
    statement.max_exec_time as max_milliseconds,
    statement.total_exec_time as total_milliseconds,
    statement.rows,
    statement.mean_exec_time > :'slow_milliseconds' as is_slow
from pg_stat_statements as statement
where statement.dbid = (
    select database.oid
    from pg_database as database
    where database.datname = current_database()
)
order by is_slow desc, statement.total_exec_time desc
limit :'max_rows';
