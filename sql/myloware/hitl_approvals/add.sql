-- Opens the gate a run waits at, and logs who did it: both or neither.
-- None where the run does not wait at this gate: of two who approve at once, one is logged.
-- :optional
with opened as (
    update runs as run
    set status = 'running'
    where
        run.run_id = :'run_id'
        and run.status = 'pending_' || :'gate'
    returning run.run_id
)

insert into hitl_approvals (
\if :{?approver}
    approver,
\endif
\if :{?approver_ip}
    approver_ip,
\endif
\if :{?metadata}
    metadata,
\endif
    run_id,
    gate
)
select
\if :{?approver}
    :'approver' as approver,
\endif
\if :{?approver_ip}
    :'approver_ip' as approver_ip,
\endif
\if :{?metadata}
    :'metadata' as metadata,
\endif
    opened.run_id,
    :'gate' as gate
from opened
returning id, run_id, gate, approver, created_at;
