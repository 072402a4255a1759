-- Limits what a profile may use in a day, in runs or in tokens, and tells when; none if there is no such profile.
-- A daily_limit of 0 is none; one that is not hard is told and not enforced.
-- The change is recorded by what was changed, not by the values.
-- :optional
\if :{?user_action} \else \set user_action change \endif
with settings as (
    update agent_settings
    set
        daily_limit = :'daily_limit',
        hard_limit = :'hard_limit',
        usage_unit = :'usage_unit'
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
            'changed', jsonb_build_array('daily_limit', 'hard_limit', 'usage_unit')
        ) as details
    from settings
)

select settings.updated_at
from settings;
