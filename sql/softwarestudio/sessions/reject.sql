-- Rejects a session at the human gate: it goes back to the architect, or to pm, and the rejection is recorded.
-- The documented statuses have none for a rejected session: it is worked on until somebody approves it, or it is
-- failed. Of two who decide at once one wins; the other gets none.
-- row: SessionState
-- :optional
\if :{?back_to} \else \set back_to arch \endif
\if :{?details} \else \set details {} \endif
\if :{?user_action} \else \set user_action reject \endif
with session as (
    update sessions
    set
        status = 'running',
        current_phase = :'back_to'
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
        'session_rejected' as event_type,
        session.session_id,
        :'user_action' as user_action,
        :'details'::jsonb || jsonb_build_object('back_to', session.current_phase) as details
    from session
)

select
    session.session_id,
    session.status,
    session.current_phase,
    session.iteration_count,
    session.updated_at
from session;
