-- Refuses an input mapping with a value that is no JSONPath when it is written, not when the first call comes in.

create or replace function check_input_mapping()
returns trigger
language plpgsql
as $$
begin
    -- the cast refuses; what it gives is not needed
    perform mapped.path::jsonpath
    from jsonb_each_text(new.input_mapping) as mapped (name, path);
    return new;
end;
$$;
