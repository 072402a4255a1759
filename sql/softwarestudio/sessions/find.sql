-- One session with its state, or none.
-- :optional
select
    session.session_id,
    session.user_mission,
    session.project_name,
    session.status,
    session.current_phase,
    session.created_at,
    session.updated_at,
    session.iteration_count,
    session.qa_passed,
    session.work_dir,
    session.state_json,
    session.metadata
from sessions as session
where session.session_id = :'session_id';
