-- Puts one version of a profile's prompt to use in place of the one that was; an older one is a roll back.
-- Gives the prompt's id, or none if there is no such version. Where a file holds the prompt, active_prompt_path is to
-- tell; else it is taken from the profile, for it was the old one's. The event is prompt_updated, as for a new version.
-- :optional
\if :{?user_action} \else \set user_action activate \endif
with prompt as (
    select activated.id
    from activate_prompt_version(
        :'profile_name',
        :'version_number',
\if :{?active_prompt_path}
        :'active_prompt_path'
\else
        null
\endif
    ) as activated (id)
    where activated.id is not null
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
        'prompt_updated' as event_type,
        :'user_action' as user_action,
        jsonb_build_object(
            'profile_name', :'profile_name'::text,
            'version_number', :'version_number'::integer,
            'is_active', true
        ) as details
    from prompt
)

select prompt.id
from prompt;
