-- Charges a profile for a run, or for its tokens where those are its unit; none if its hard limit does not allow it.
-- So many workers may charge at once, no hard limit is passed. One that is not hard is charged all the same, and
-- is_over_limit tells. The first charge of a day, UTC's whatever the
-- client's time zone, starts the count anew. A negative amount is never charged.
-- :optional
\if :{?runs} \else \set runs 1 \endif
update agent_settings
set
    usage_today
    = case when last_reset_date < (now() at time zone 'UTC')::date then 0 else usage_today end
    + case usage_unit when 'tokens' then :'tokens'::integer else :'runs'::integer end,
    last_reset_date = greatest(last_reset_date, (now() at time zone 'UTC')::date)
where
    profile_name = :'profile_name'
    and least(:'runs'::integer, :'tokens'::integer) >= 0
    and (
        not hard_limit
        or daily_limit = 0
        or case when last_reset_date < (now() at time zone 'UTC')::date then 0 else usage_today end
        + case usage_unit when 'tokens' then :'tokens'::integer else :'runs'::integer end
        <= daily_limit
    )
returning
    usage_today,
    daily_limit,
    usage_unit,
    daily_limit > 0 and usage_today > daily_limit as is_over_limit;
