-- Removes executions that failed more than thirty days ago, one batch of the oldest; run it until it removes none. Any
-- number of these may run at once: each passes by what another one has.
-- One that failed without an end counts from its creation. Their logs and artifacts go with them.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from executions
where id in (
    select execution.id
    from executions as execution
    where
        execution.status = 'failed'
        and coalesce(execution.completed_at, execution.created_at) < now() - interval '30 days'
    order by coalesce(execution.completed_at, execution.created_at), execution.id
    limit :'max_rows'
    for update skip locked
);
