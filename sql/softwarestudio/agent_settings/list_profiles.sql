-- All profiles without their keys, by name; their usage is today's, even before the reset.
-- row: AgentProfile
-- :many
select
    settings.id,
    settings.profile_name,
    settings.provider,
    settings.model,
    settings.auth_type,
    settings.daily_limit,
    settings.hard_limit,
    settings.usage_unit,
    case
        when settings.last_reset_date < (now() at time zone 'UTC')::date then 0
        else settings.usage_today
    end as usage_today,
    settings.env_overrides,
    settings.active_prompt_path,
    settings.updated_at
from agent_settings as settings
order by settings.profile_name;
