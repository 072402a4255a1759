-- The audit log can be rewritten again, and takes nothing from the session.

drop trigger audit_logs_complete on audit_logs;

drop function complete_audit_log();

drop trigger audit_logs_keep_table on audit_logs;

drop trigger audit_logs_keep_rows on audit_logs;

drop function refuse_audit_log_change();
