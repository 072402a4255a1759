-- Refuses a step that an execution cannot take; one that is completed, failed or cancelled stays so.
-- The document names the states and not the steps: a step's output is validated, then the next step runs or corrections
-- are applied, after which it runs or is validated again. What is not over may fail or be cancelled at any time.

create or replace function refuse_illegal_status()
returns trigger
language plpgsql
as $$
declare
    allowed text[] := case old.status
        when 'planned' then array['running', 'failed', 'cancelled']
        when 'running' then array['validating', 'completed', 'failed', 'cancelled']
        when 'validating' then array['running', 'correcting', 'completed', 'failed', 'cancelled']
        when 'correcting' then array['running', 'validating', 'failed', 'cancelled']
        else array[]::text[]
    end;
begin
    if new.status = any(allowed) then
        return new;
    end if;
    raise exception 'an execution that is % cannot become %', old.status, new.status
        using
            errcode = 'check_violation',
            constraint = 'executions_status_step',
            table = tg_table_name,
            schema = tg_table_schema,
            column = 'status',
            hint = case
                when allowed = array[]::text[] then 'It is over.'
                else format('It can become %s.', array_to_string(allowed, ', '))
            end;
end;
$$;
