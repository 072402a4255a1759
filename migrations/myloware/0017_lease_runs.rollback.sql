drop index idx_runs_running;

drop table run_leases;
