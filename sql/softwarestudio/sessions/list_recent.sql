-- Sessions without their state, last changed first, or last created first where that is the sort.
-- row: Session
-- :many
-- sort: updated_at, created_at
\if :{?max_sessions} \else \set max_sessions 20 \endif
\if :{?sort} \else \set sort updated_at \endif
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
from sessions as session
where
    true
\if :{?project_name}
    and session.project_name = :'project_name'
\endif
\if :{?status}
    and session.status = :'status'
\endif
\if :{?current_phase}
    and session.current_phase = :'current_phase'
\endif
order by :"sort" desc, session.session_id
limit :'max_sessions';
