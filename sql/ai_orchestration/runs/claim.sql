-- Starts a tenant's oldest pending run, or the given one, and gives its id; no two workers get the same.
-- None if none is pending, or if as many are running as `max_concurrent_runs` in the tenant's settings allows.
-- It is a lease: renew it while you work. A run whose lease has run out comes first, since its worker is lost; its
-- attempt is counted, and one that was lost in its last attempt fails.
-- :optional
-- run_id: not null
\if :{?lease} \else \set lease '5 minutes' \endif
\if :{?max_attempts} \else \set max_attempts 5 \endif
select claimed.claimed_run_id as run_id
from claim_run(
\if :{?run_id}
    only_run => :'run_id',
\endif
\if :{?worker}
    by_worker => :'worker',
\endif
    for_lease => :'lease',
    at_most => :'max_attempts',
    of_tenant => :'tenant_id'
) as claimed
order by claimed.claimed_run_id
limit 1;
