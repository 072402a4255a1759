alter table execution_logs
    drop column added_in;
