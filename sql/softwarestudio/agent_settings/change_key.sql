-- Gives a profile another way to authenticate, and tells when; none if there is no such profile.
-- The key comes encrypted, as dbkit.systems.softwarestudio.api_keys does it.
-- The change is recorded by what was changed, not by the values.
-- :optional
\if :{?user_action} \else \set user_action change \endif
with settings as (
    update agent_settings
    set
        auth_type = :'auth_type',
        api_key_encrypted = :'api_key_encrypted'
    where profile_name = :'profile_name'
    returning
        profile_name,
        updated_at
),

event as (
    insert into audit_log (
\if :{?ip_address}
        ip_address,
\endif
        event_type,
        user_action,
        details
    )
    select
\if :{?ip_address}
        :'ip_address'::inet as ip_address,
\endif
        'settings_changed' as event_type,
        :'user_action' as user_action,
        jsonb_build_object(
            'profile_name', settings.profile_name,
            'changed', jsonb_build_array('auth_type', 'api_key_encrypted')
        ) as details
    from settings
)

select settings.updated_at
from settings;
