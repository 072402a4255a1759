-- The statements that took longest in the mean, of all databases of the server, as the document asks for them.
-- Where the server does not count statements, the error says how to have it count them. What other users ran is
-- shown to members of pg_read_all_stats only.
-- mean_exec_time: not null
-- calls: not null
-- :many
\if :{?max_queries} \else \set max_queries 10 \endif
select
    statement.query,
    statement.mean_exec_time,
    statement.calls
from counted_statements() as statement
order by statement.mean_exec_time desc, statement.query
limit :'max_queries';
