-- Sends a session back from qa to its engineers, for one iteration more; none if it is not in qa any more.
-- row: SessionState
-- :optional
update sessions
set
    current_phase = 'eng',
    iteration_count = iteration_count + 1,
    qa_passed = false
where
    session_id = :'session_id'
    and status = 'running'
    and current_phase = 'qa'
returning
    session_id,
    status,
    current_phase,
    iteration_count,
    updated_at;
