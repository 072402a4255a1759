-- name: load_runs :exec
-- Runs from wherever they come.
copy public.from (run_id, "to")
    -- the rows follow
    FROM StdIn with (format csv);
-- name: load_all :copy
copy runs from stdout;
\.
