-- Starts a new day for every profile whose count is from an earlier one; calling it again that day changes nothing.
-- The day is UTC's, whatever the time zone of the session: clients with days of their own pass a limit together.

create or replace function reset_daily_usage()
returns void
language plpgsql
as $$
begin
    update agent_settings
    set
        usage_today = 0,
        last_reset_date = (now() at time zone 'UTC')::date
    where last_reset_date < (now() at time zone 'UTC')::date;
end;
$$;
