-- Takes a run of any tenant for a worker, each tenant in its turn and within its `max_concurrent_runs`, or gives none.
-- It is a lease: renew it while you work, and hand attempt on: then nothing is touched if another worker has the run
-- meanwhile. What was lost in its last attempt fails: it is given up.
-- across tenants: a worker works for all of them; what is done with the run is its own tenant's again
-- :optional
-- id: not null
-- tenant_id: not null
-- workflow_id: not null
-- workflow_version: not null
-- mode: not null
-- attempt: not null
-- leased_until: not null
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
select
    claimed.claimed_id as id,
    claimed.claimed_tenant as tenant_id,
    claimed.claimed_workflow as workflow_id,
    claimed.claimed_version as workflow_version,
    claimed.claimed_mode as mode,
    claimed.claimed_input as input,
    claimed.claimed_attempt as attempt,
    claimed.claimed_until as leased_until
from claim_next_run(
    by_worker => :'worker',
    for_lease => :'lease',
    at_most => :'max_attempts'
) as claimed
order by claimed.claimed_id
limit 1;
