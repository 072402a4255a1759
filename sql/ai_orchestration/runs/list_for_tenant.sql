-- One page of a tenant's runs, those of one status or workflow if given, the latest first; without such a time, last.
-- :many
-- sort: created_at, started_at, completed_at
\if :{?sort} \else \set sort created_at \endif
\if :{?max_runs} \else \set max_runs 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
select
    run.id,
    run.tenant_id,
    run.workflow_id,
    run.workflow_version,
    run.status,
    run.mode,
    run.error,
    run.triggered_by,
    run.triggered_by_user,
    run.started_at,
    run.completed_at,
    run.created_at,
    run.worker,
    run.leased_until,
    run.attempts,
    run.webhook_id,
    run.delivery_id,
    run.call_digest
from runs as run
where
    run.tenant_id = :'tenant_id'
\if :{?status}
    and run.status = :'status'
\endif
\if :{?workflow_id}
    and run.workflow_id = :'workflow_id'
\endif
order by :"sort" desc nulls last, run.id
limit :'max_runs' offset :'skipped';
