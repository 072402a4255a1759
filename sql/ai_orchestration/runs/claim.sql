-- Starts a tenant's oldest pending run, or the given one, and gives its id; no two workers get the same.
-- None if none is pending, or if as many are running as `max_concurrent_runs` in the tenant's settings allows.
-- :optional
-- run_id: not null
select claimed.claimed_run_id as run_id
from claim_run(
\if :{?run_id}
    only_run => :'run_id',
\endif
    of_tenant => :'tenant_id'
) as claimed
order by claimed.claimed_run_id
limit 1;
