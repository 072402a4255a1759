-- Starts a new day for every profile whose count is from an earlier one; again that day, it changes nothing.
-- The function tells nothing back, so the one row touched is its call, not the profiles.
-- :exec
select from reset_daily_usage();
