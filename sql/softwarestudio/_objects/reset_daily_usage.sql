-- Starts a new day for every profile whose count is from an earlier one; calling it again that day changes nothing.

create or replace function reset_daily_usage()
returns void
language plpgsql
as $$
begin
    update agent_settings
    set
        usage_today = 0,
        last_reset_date = current_date
    where last_reset_date < current_date;
end;
$$;
