-- Removes executions cancelled more than thirty days ago, as failed ones are, one batch of the oldest; run it until it
-- removes none. The document has no time for them. Their logs and artifacts go with them.
-- Any number of these may run at once: each passes by what another one has.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from executions
where id in (
    select execution.id
    from executions as execution
    where
        execution.status = 'cancelled'
        and coalesce(execution.completed_at, execution.created_at) < now() - interval '30 days'
    order by coalesce(execution.completed_at, execution.created_at), execution.id
    limit :'max_rows'
    for update skip locked
);
