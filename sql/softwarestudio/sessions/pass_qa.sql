-- Completes a session whose work passed QA, and records it; none if it is not in qa any more.
-- row: SessionState
-- :optional
with session as (
    update sessions
    set
        status = 'completed',
        current_phase = 'complete',
        qa_passed = true
    where
        session_id = :'session_id'
        and status = 'running'
        and current_phase = 'qa'
    returning
        session_id,
        status,
        current_phase,
        iteration_count,
        updated_at
),

event as (
    insert into audit_log (
        event_type,
        session_id,
        details
    )
    select
        'session_completed' as event_type,
        session.session_id,
        jsonb_build_object('iteration_count', session.iteration_count) as details
    from session
)

select
    session.session_id,
    session.status,
    session.current_phase,
    session.iteration_count,
    session.updated_at
from session;
