-- Adds a profile with its limit, and records it; key and environment have statements of their own.
-- :one
\if :{?provider} \else \set provider anthropic \endif
\if :{?daily_limit} \else \set daily_limit 0 \endif
\if :{?hard_limit} \else \set hard_limit false \endif
\if :{?usage_unit} \else \set usage_unit runs \endif
\if :{?user_action} \else \set user_action add \endif
with event as (
    insert into audit_log (
\if :{?ip_address}
        ip_address,
\endif
        event_type,
        user_action,
        details
    )
    values (
\if :{?ip_address}
        :'ip_address',
\endif
        'settings_changed',
        :'user_action',
        jsonb_build_object('profile_name', :'profile_name'::varchar, 'added', true)
    )
)

insert into agent_settings (
\if :{?model}
    model,
\endif
    profile_name,
    provider,
    daily_limit,
    hard_limit,
    usage_unit
)
values (
\if :{?model}
    :'model',
\endif
    :'profile_name',
    :'provider',
    :'daily_limit',
    :'hard_limit',
    :'usage_unit'
)
returning id;
