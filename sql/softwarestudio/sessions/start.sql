-- Starts a session that waits, or gives none: another was faster, or there is no such session.
-- row: SessionState
-- :optional
update sessions
set status = 'running'
where
    session_id = :'session_id'
    and status = 'pending'
returning
    session_id,
    status,
    current_phase,
    iteration_count,
    updated_at;
