-- Once for a statement, so that ten thousand logs loaded at once are one notification for each execution.

create or replace trigger notify_added_logs_of_executions
after insert on execution_logs
referencing new table as added_logs
for each statement
execute function notify_added_logs();
