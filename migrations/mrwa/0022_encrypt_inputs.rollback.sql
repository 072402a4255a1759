-- Without the column nobody would know any more which inputs are encrypted, nor with which key.

do $$
begin
    if exists (select from executions where input_key is not null) then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'inputs of executions are encrypted; decrypt them first: '
                'python -m dbkit.systems.mrwa decrypt-inputs';
    end if;
end;
$$;

alter table executions
    drop column input_key;
