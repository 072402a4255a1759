-- Wakes those who follow an execution when it goes a step, for it may have been the last.

create or replace function notify_changed_status()
returns trigger
language plpgsql
as $$
begin
    perform pg_notify('execution_' || new.id, '');
    return null;
end;
$$;
