drop table run_statuses;
