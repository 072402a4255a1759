-- The logs of one execution that could not be read yet at a position that find_position gave, or all; oldest first.
-- Exactly those: a line that was written before and committed after is among them, and none comes twice.
-- A line from a restored backup carries a number of another server's: while that is in the future, it is an old one.
-- row: ExecutionLog
-- :many
select
    log.id,
    log.timestamp,
    log.level,
    log.message,
    log.metadata,
    log.step_id
from execution_logs as log
where
    log.execution_id = :'execution_id'
\if :{?position}
    and log.added_in >= pg_snapshot_xmin(:'position')
    and log.added_in < pg_snapshot_xmax(pg_current_snapshot())
    and not pg_visible_in_snapshot(log.added_in, :'position')
\endif
order by log.timestamp, log.id;
