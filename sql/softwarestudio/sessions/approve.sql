-- Approves a session at the human gate: its engineers begin, and the approval is recorded.
-- Of two who decide at once one wins; the other gets none, as does who decides on a session that does not wait.
-- row: SessionState
-- :optional
\if :{?details} \else \set details {} \endif
\if :{?user_action} \else \set user_action approve \endif
with session as (
    update sessions
    set
        status = 'running',
        current_phase = 'eng'
    where
        session_id = :'session_id'
        and status = 'awaiting_approval'
        and current_phase = 'human_gate'
    returning
        session_id,
        status,
        current_phase,
        iteration_count,
        updated_at
),

event as (
    insert into audit_log (
\if :{?ip_address}
        ip_address,
\endif
        event_type,
        session_id,
        user_action,
        details
    )
    select
\if :{?ip_address}
        :'ip_address'::inet as ip_address,
\endif
        'session_approved' as event_type,
        session.session_id,
        :'user_action' as user_action,
        :'details'::jsonb as details
    from session
)

select
    session.session_id,
    session.status,
    session.current_phase,
    session.iteration_count,
    session.updated_at
from session;
