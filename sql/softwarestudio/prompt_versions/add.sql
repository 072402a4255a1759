-- Adds the next version of a profile's prompt, not active yet, and records it.
-- id: not null
-- version_number: not null
-- created_at: not null
-- :one
\if :{?user_action} \else \set user_action add \endif
with prompt as (
    select
        added.id,
        added.version_number,
        added.created_at
    from add_prompt_version(
        :'profile_name',
        :'prompt_content',
\if :{?note}
        :'note'
\else
        null
\endif
    ) as added
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
        jsonb_build_object('profile_name', :'profile_name'::text, 'version_number', prompt.version_number) as details
    from prompt
)

select
    prompt.id,
    prompt.version_number,
    prompt.created_at
from prompt;
