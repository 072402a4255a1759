-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table audit_log
    drop constraint audit_log_event_type_check,
    add constraint audit_log_event_type_check
    check (event_type in (
        'session_created',
        'session_approved',
        'session_rejected',
        'session_completed',
        'session_failed',
        'agent_started',
        'agent_completed',
        'settings_changed',
        'prompt_updated'
    )) not valid;

alter table agent_executions
    drop constraint agent_executions_agent_type_check,
    add constraint agent_executions_agent_type_check
    check (agent_type in ('pm', 'arch', 'eng', 'qa')) not valid;

alter table artifacts
    drop constraint artifacts_artifact_type_check,
    add constraint artifacts_artifact_type_check
    check (artifact_type in ('prd', 'tech_spec', 'scaffold', 'bug_report', 'code', 'test')) not valid;

alter table sessions
    drop constraint sessions_status_check,
    add constraint sessions_status_check
    check (status in ('pending', 'running', 'awaiting_approval', 'completed', 'failed', 'expired')) not valid,
    drop constraint sessions_current_phase_check,
    add constraint sessions_current_phase_check
    check (current_phase in ('pm', 'arch', 'human_gate', 'eng', 'qa', 'complete')) not valid;
