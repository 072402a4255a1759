-- A step of a session is held against the documented phases, whoever makes it.
-- A row may be inserted in any state: so a session comes over from another database.

create or replace trigger sessions_step
before update on sessions
for each row
when (
    (old.status, old.current_phase, old.iteration_count, old.qa_passed)
    is distinct from (new.status, new.current_phase, new.iteration_count, new.qa_passed)
)
execute function refuse_illegal_session_step();
