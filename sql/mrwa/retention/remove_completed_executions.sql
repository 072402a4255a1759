-- Removes executions completed more than ninety days ago, one batch of the oldest; run it until it removes none. Any
-- number of these may run at once: each passes by what another one has.
-- Their logs and artifacts go with them.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from executions
where id in (
    select execution.id
    from executions as execution
    where
        execution.status = 'completed'
        and execution.completed_at < now() - interval '90 days'
    order by execution.completed_at, execution.id
    limit :'max_rows'
    for update skip locked
);
