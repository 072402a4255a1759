-- Whether a condition holds for what a run knows, as `$.steps.check.score > 3`: a JSONPath that gives true.
-- One that gives nothing, or anything else than a boolean, does not hold; one that is no JSONPath is refused.
-- :one
select coalesce(jsonb_path_match(:'state'::jsonb, :'expression'::text::jsonpath, '{}', true), false) as is_true;
