-- Lets a session go only from phase to phase: pm, arch, human_gate, eng, qa, complete.
-- A rejected one goes back to arch or pm, one that QA sends back to eng has one iteration more, and qa_passed is told
-- when QA ends. A session that is not over may fail or expire where it stands; one that is over goes nowhere.

create or replace function refuse_illegal_session_step()
returns trigger
language plpgsql
as $$
declare
    is_decided constant boolean :=
        old.current_phase = 'qa' and new.current_phase in ('eng', 'complete');
    iteration_count constant integer :=
        old.iteration_count + (is_decided and new.current_phase = 'eng')::integer;
    qa_passed constant boolean :=
        case when is_decided then new.current_phase = 'complete' else old.qa_passed end;
begin
    if
        (old.status, old.current_phase) is distinct from (new.status, new.current_phase)
        and (old.status, old.current_phase, new.status, new.current_phase) not in (
            ('pending', 'pm', 'running', 'pm'),
            ('running', 'pm', 'running', 'arch'),
            ('running', 'arch', 'awaiting_approval', 'human_gate'),
            ('awaiting_approval', 'human_gate', 'running', 'pm'),
            ('awaiting_approval', 'human_gate', 'running', 'arch'),
            ('awaiting_approval', 'human_gate', 'running', 'eng'),
            ('running', 'eng', 'running', 'qa'),
            ('running', 'qa', 'running', 'eng'),
            ('running', 'qa', 'completed', 'complete')
        )
        and not (
            old.status in ('pending', 'running', 'awaiting_approval')
            and new.status in ('failed', 'expired')
            and new.current_phase = old.current_phase
        )
    then
        raise exception 'session % cannot go from % in % to % in %',
            old.session_id, old.status, old.current_phase, new.status, new.current_phase
            using
                errcode = 'check_violation',
                table = tg_table_name,
                constraint = tg_name;
    end if;
    if (new.iteration_count, new.qa_passed) is distinct from (iteration_count, qa_passed) then
        raise exception 'session % going from % to % has iteration_count % and qa_passed %, not % and %',
            old.session_id, old.current_phase, new.current_phase,
            iteration_count, qa_passed, new.iteration_count, new.qa_passed
            using
                errcode = 'check_violation',
                table = tg_table_name,
                constraint = tg_name;
    end if;
    return new;
end;
$$;
