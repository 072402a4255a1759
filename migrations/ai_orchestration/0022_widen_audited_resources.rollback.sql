-- Only the documented resources are audited again. It stops at a row of another, because the log is never rewritten.

alter table audit_logs
    drop constraint audit_logs_resource_type_check,
    add constraint audit_logs_resource_type_check
    check (resource_type in ('workflow', 'run', 'secret'));
