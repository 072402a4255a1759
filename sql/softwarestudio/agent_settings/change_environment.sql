-- Merges variables into a profile's environment, and tells when; none if there is no such profile.
-- One that is given as null is taken out, one that is not given stays.
-- The change is recorded by what was changed, not by the values.
-- :optional
\if :{?user_action} \else \set user_action change \endif
with settings as (
    update agent_settings
    set
        env_overrides = jsonb_strip_nulls(env_overrides || :'env_overrides')
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
            'changed', jsonb_build_array('env_overrides')
        ) as details
    from settings
)

select settings.updated_at
from settings;
