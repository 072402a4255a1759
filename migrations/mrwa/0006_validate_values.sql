-- What 0005 asks of new rows is now known of the old ones too.
-- A migration of its own: in 0005 the locks that add a constraint would be held while every row is read,
-- here reads and writes go on. A row that breaks a rule ends it with an error, and nothing is deleted for it.

alter table executions
    validate constraint executions_status_check;

alter table execution_logs
    validate constraint execution_logs_level_check;

alter table artifacts
    validate constraint artifacts_type_check;
