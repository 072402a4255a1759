-- A run takes the steps that run_statuses lists, whoever writes.

create or replace trigger runs_legal_step
before update of status on runs
for each row
when (new.status is distinct from old.status)
execute function check_run_step();
