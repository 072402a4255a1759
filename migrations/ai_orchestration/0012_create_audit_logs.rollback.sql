-- The log is lost: export it first.

drop table audit_logs;
