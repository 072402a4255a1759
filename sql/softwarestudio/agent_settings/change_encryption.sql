-- Puts the same key encrypted anew in the place of its text, unless it was replaced meanwhile. It is no change of the
-- settings, so none is recorded.
-- :exec
update agent_settings
set api_key_encrypted = :'api_key_encrypted'
where
    id = :'id'
    and api_key_encrypted = :'previous';
