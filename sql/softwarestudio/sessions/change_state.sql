-- Saves the full state of a session, in place of what was saved before.
-- state_json: not null
-- :exec
update sessions
set state_json = :'state_json'
where session_id = :'session_id';
