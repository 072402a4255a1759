-- :many
select $body$ :x $$;
