-- Any value is taken again.

alter table audit_log
    drop constraint audit_log_event_type_check;

alter table agent_executions
    drop constraint agent_executions_agent_type_check;

alter table artifacts
    drop constraint artifacts_artifact_type_check;

alter table sessions
    drop constraint sessions_current_phase_check,
    drop constraint sessions_status_check;
