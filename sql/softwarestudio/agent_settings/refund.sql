-- Gives back what was charged today and not used, in the profile's unit; what remains of the day's usage comes back.
-- None if there is no such profile, or nothing was charged today.
-- :optional
update agent_settings
set usage_today = greatest(usage_today - :'amount', 0)
where
    profile_name = :'profile_name'
    and last_reset_date = (now() at time zone 'UTC')::date
    and :'amount' >= 0
returning usage_today;
