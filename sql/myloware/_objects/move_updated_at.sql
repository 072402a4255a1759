-- Moves updated_at at every change, so that no statement has to remember it.
-- It never stands still, not even for two changes of one transaction or for a clock that was set back: whoever read a
-- row can tell by it that the row has not changed since.

create or replace function move_updated_at()
returns trigger
language plpgsql
as $$
begin
    new.updated_at = greatest(clock_timestamp(), old.updated_at + interval '1 microsecond');
    return new;
end;
$$;
