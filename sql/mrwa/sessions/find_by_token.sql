-- The session of a refresh token, given as SHA-256, if it may still be used.
-- expires_at: infinity
-- :optional
select
    session.id,
    session.user_id,
    session.expires_at
from sessions as session
where
    session.refresh_token = :'refresh_token'
    and not session.revoked
    and session.expires_at > now();
