-- Proves the wider check for the rows that were there before it, while reads and writes go on.

alter table audit_logs
    validate constraint audit_logs_resource_type_check;
