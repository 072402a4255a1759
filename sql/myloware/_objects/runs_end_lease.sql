-- Whoever takes a run out of `running` ends the lease on it.

create or replace trigger runs_end_lease
after update of status on runs
for each row
when (old.status = 'running' and new.status <> 'running')
execute function end_run_lease();
