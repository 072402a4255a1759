-- Removes logs older than thirty days, one batch of the oldest; run it until it removes none. Any
-- number of these may run at once: each passes by what another one has.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from execution_logs
where id in (
    select log.id
    from execution_logs as log
    where log.timestamp < now() - interval '30 days'
    order by log.timestamp, log.id
    limit :'max_rows'
    for update skip locked
);
