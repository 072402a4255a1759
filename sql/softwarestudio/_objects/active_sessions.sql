-- Sessions that are not over yet, last changed first.

create or replace view active_sessions as
select
    session_id,
    user_mission,
    project_name,
    status,
    current_phase,
    created_at,
    updated_at,
    iteration_count,
    qa_passed
from sessions
where status in ('pending', 'running', 'awaiting_approval')
order by updated_at desc;
