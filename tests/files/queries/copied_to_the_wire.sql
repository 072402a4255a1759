-- Runs as CSV.
-- :exec
/* all of them */ copy (select run_id from runs where result like 'from stdin') to stdout with (format csv);
