-- transactional: false
-- A worker asks, of each tenant, what waits, what is leased and when it last had its turn.
-- These tables are written to all the time, so each index is built beside the traffic.

-- serves runs/claim and runs/claim_next: the oldest run of a tenant that waits
create index concurrently idx_runs_waiting on runs (tenant_id, created_at, id) where status = 'pending';

-- serves runs/claim, runs/claim_next and runs/list_stalled: what a tenant has running, the first to run out first
create index concurrently idx_runs_leased on runs (tenant_id, leased_until, id) where status = 'running';

-- serves runs/claim_next: the tenant that has waited longest for its turn comes first
create index concurrently idx_runs_tenant_started on runs (tenant_id, started_at);

-- serves step_runs/list_stalled
create index concurrently idx_step_runs_leased on step_runs (leased_until, id) where status = 'running';
