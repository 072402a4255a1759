-- A misspelt status, phase or type was stored without a word; the document names the values of each.
-- The status of an execution, profile names, and provider, auth_type and usage_unit of the settings stay open:
-- for these it names none.
-- Not valid binds new rows at once without reading the old ones under a lock; 0005 reads those, in a transaction
-- of its own, because a lock lasts until commit.

alter table sessions
    add constraint sessions_status_check
    check (status in ('pending', 'running', 'awaiting_approval', 'completed', 'failed', 'expired')) not valid,
    add constraint sessions_current_phase_check
    check (current_phase in ('pm', 'arch', 'human_gate', 'eng', 'qa', 'complete')) not valid;

alter table artifacts
    add constraint artifacts_artifact_type_check
    check (artifact_type in ('prd', 'tech_spec', 'scaffold', 'bug_report', 'code', 'test')) not valid;

alter table agent_executions
    add constraint agent_executions_agent_type_check
    check (agent_type in ('pm', 'arch', 'eng', 'qa')) not valid;

alter table audit_log
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
