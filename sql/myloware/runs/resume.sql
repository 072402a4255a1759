-- Puts a failed run back to work, by a person's decision: the next worker claims it, all its attempts before it again.
-- Who decided it is recorded in run_resumptions, with the result that the run had failed with; resumptions is how often
-- it was resumed. None where the run has not failed: of two who resume it, one does.
-- :optional
with failed as (
    select
        run.run_id,
        run.result
    from runs as run
    where
        run.run_id = :'run_id'
        and run.status = 'failed'
    for update
),

resumption as (
    insert into run_resumptions (
\if :{?reason}
        reason,
\endif
        run_id,
        resumed_by,
        number,
        result
    )
    select
\if :{?reason}
        :'reason' as reason,
\endif
        failed.run_id,
        :'resumed_by' as resumed_by,
        1 + (
            select count(*)
            from run_resumptions as earlier
            where earlier.run_id = failed.run_id
        ) as number,
        failed.result
    from failed
    returning run_id, number
)

update runs as run
set
    status = 'running',
    result = null
from resumption
where run.run_id = resumption.run_id
returning run.run_id, run.status, run.updated_at, resumption.number as resumptions;
