-- Adds an artifact to an execution, not verified yet, and gives its id.
-- :one
insert into artifacts (execution_id, type, name, data, file_url, file_size_bytes, mime_type)
values (
    :'execution_id', :'type', :'name', :'data', :'file_url', :'file_size_bytes', :'mime_type'
)
returning id;
