-- Proves the checks for the rows that were there before them. Validating reads each table while reads and
-- writes go on. It stops at an undocumented value: correct that row, then run it again.

alter table sessions
    validate constraint sessions_status_check,
    validate constraint sessions_current_phase_check;

alter table artifacts
    validate constraint artifacts_artifact_type_check;

alter table agent_executions
    validate constraint agent_executions_agent_type_check;

alter table audit_log
    validate constraint audit_log_event_type_check;
