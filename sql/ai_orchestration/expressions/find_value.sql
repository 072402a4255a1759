-- The first thing that a JSONPath finds in what a run knows, null if it finds none.
-- :one
select jsonb_path_query_first(:'state'::jsonb, :'expression'::text::jsonpath, '{}', true) as value;
