-- Logs a user out on all devices and gives how many sessions it revoked.
-- revoked: not null
-- :one
select revoke_sessions(of_user => :'user_id', of_session => null) as revoked;
