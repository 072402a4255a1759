-- transactional: false
-- What waits and what is leased is looked for in the whole table again.

drop index concurrently idx_step_runs_leased;

drop index concurrently idx_runs_tenant_started;

drop index concurrently idx_runs_leased;

drop index concurrently idx_runs_waiting;
