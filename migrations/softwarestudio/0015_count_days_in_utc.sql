-- A day of a profile began when the client's did, so that two clients far apart could each have a day's limit at once.
-- A day is UTC's for all of them now; what a count of tomorrow's is, by a clock east of it, is today's.

alter table agent_settings
    alter column last_reset_date set default (now() at time zone 'UTC')::date;

update agent_settings
set last_reset_date = (now() at time zone 'UTC')::date
where last_reset_date > (now() at time zone 'UTC')::date;
