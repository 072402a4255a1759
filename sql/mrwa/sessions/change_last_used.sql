-- Notes that a session was used just now, and from where; one that is revoked or expired is not touched.
-- :exec
update sessions
set
    last_used_at = now(),
    ip_address = coalesce(:'ip_address', ip_address),
    user_agent = coalesce(:'user_agent', user_agent)
where
    id = :'session_id'
    and not revoked
    and expires_at > now();
