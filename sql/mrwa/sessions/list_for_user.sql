-- The devices on which a user is logged in, the last used first.
-- created_at is when the token was last rotated; the login itself may be older.
-- expires_at: infinity
-- :many
select
    session.id,
    jsonb_build_object(
        'device_type', session.device_info ->> 'device_type',
        'browser', session.device_info ->> 'browser',
        'os', session.device_info ->> 'os',
        'platform', session.device_info ->> 'platform'
    ) as device_info,
    session.ip_address,
    session.user_agent,
    session.created_at,
    session.last_used_at,
    session.expires_at
from sessions as session
where
    session.user_id = :'user_id'
    and not session.revoked
    and session.expires_at > now()
order by session.last_used_at desc, session.id;
