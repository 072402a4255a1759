-- Takes a session on from the phase whose work is done: pm to arch, arch to the human gate, eng to qa.
-- Gives none if the session is not in that phase any more. Through the human gate and out of qa leads a decision,
-- not this: there, and where the session does not run, the database refuses the step.
-- row: SessionState
-- :optional
update sessions
set
    status = case when current_phase = 'arch' then 'awaiting_approval' else 'running' end,
    current_phase = case current_phase
        when 'pm' then 'arch'
        when 'arch' then 'human_gate'
        when 'eng' then 'qa'
        else 'complete'
    end
where
    session_id = :'session_id'
    and current_phase = :'current_phase'
returning
    session_id,
    status,
    current_phase,
    iteration_count,
    updated_at;
