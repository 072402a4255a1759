-- All logs of one execution, oldest first, read as they are needed: there may be very many.
-- row: ExecutionLog
-- :stream
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
\if :{?level}
    and log.level = :'level'
\endif
order by log.timestamp, log.id;
