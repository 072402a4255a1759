-- Sessions that are not over yet, last changed first.
-- row: Session
-- :many
select
    session.session_id,
    session.user_mission,
    session.project_name,
    session.status,
    session.current_phase,
    session.created_at,
    session.updated_at,
    session.iteration_count,
    session.qa_passed
from active_sessions as session
order by session.updated_at desc, session.session_id;
