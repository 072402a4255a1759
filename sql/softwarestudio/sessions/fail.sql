-- Ends a session with an error, wherever it stands, and records it; none if it is over already.
-- Its phase stays, and so tells where it failed.
-- row: SessionState
-- :optional
with session as (
    update sessions
    set status = 'failed'
    where
        session_id = :'session_id'
        and status in ('pending', 'running', 'awaiting_approval')
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
        'session_failed' as event_type,
        session.session_id,
        jsonb_build_object('current_phase', session.current_phase, 'error', :'error_message'::text) as details
    from session
)

select
    session.session_id,
    session.status,
    session.current_phase,
    session.iteration_count,
    session.updated_at
from session;
