-- Wakes those who follow an execution: its channel is named for it, and the notification says no more than that.
-- A notification passes by row-level security: with no text and a name that must be known it gives nothing away.

create or replace function notify_added_logs()
returns trigger
language plpgsql
as $$
begin
    perform pg_notify('execution_' || added.execution_id, '')
    from (select distinct log.execution_id from added_logs as log) as added
    where added.execution_id is not null;
    return null;
end;
$$;
