-- No statement, whoever wrote it, takes an execution a step that it cannot take.
-- An execution may be added in any status, for one that is restored or moved here was there before.

create or replace trigger refuse_illegal_status_of_executions
before update on executions
for each row
when (old.status is distinct from new.status)
execute function refuse_illegal_status();
