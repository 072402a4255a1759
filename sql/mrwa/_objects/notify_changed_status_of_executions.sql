-- Every step of an execution wakes those who follow it, and no other change of it does.

create or replace trigger notify_changed_status_of_executions
after update on executions
for each row
when (old.status is distinct from new.status)
execute function notify_changed_status();
