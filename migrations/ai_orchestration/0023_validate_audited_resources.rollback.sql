-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table audit_logs
    drop constraint audit_logs_resource_type_check,
    add constraint audit_logs_resource_type_check
    check (
        resource_type in ('workflow', 'run', 'secret', 'tenant', 'user', 'webhook', 'adapter', 'schedule')
    ) not valid;
