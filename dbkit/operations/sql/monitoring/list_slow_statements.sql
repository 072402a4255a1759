-- Statements by their total time, the slowest first.
-- It needs the extension pg_stat_statements.
-- :many
\if :{?max_rows} \else \set max_rows 10 \endif
select
    statement.query,
    statement.calls,
    statement.mean_exec_time as mean_milliseconds,
    statement.total_exec_time as total_milliseconds,
    statement.rows
from pg_stat_statements as statement
where statement.dbid = (
    select database.oid
    from pg_database as database
    where database.datname = current_database()
)
order by statement.total_exec_time desc
limit :'max_rows';
