-- Starts a run of the newest published version for a call whose signature was verified, counts it, and gives the run.
-- A call that was there before, by its delivery_id or by the digest of what was signed, gives the run that it started.
-- Nothing is started or counted if the webhook is disabled or removed, the workflow removed or never published,
-- or the tenant removed. A name of the input mapping gets the first thing its JSONPath finds, null if there is none.
-- :optional
-- id: not null
-- workflow_id: not null
-- workflow_version: not null
-- status: not null
-- created_at: not null
-- is_first: not null
select
    started.started_id as id,
    started.started_workflow as workflow_id,
    started.started_version as workflow_version,
    started.started_status as status,
    started.started_input as input,
    started.started_time as created_at,
    started.is_first
from trigger_webhook(
\if :{?delivery_id}
    with_delivery => :'delivery_id',
\endif
\if :{?call_digest}
    with_digest => :'call_digest',
\endif
    of_tenant => :'tenant_id',
    of_webhook => :'webhook_id',
    with_payload => :'payload'
) as started
order by started.started_id
limit 1;
