-- Logs a user out on the device that a session is of, even if its token was rotated since.
-- It gives how many sessions it revoked; by the session of another user, none.
-- revoked: not null
-- :one
select revoke_sessions(of_user => :'user_id', of_session => :'session_id') as revoked;
