-- One profile without its key, or none; its usage is today's, even before the reset.
-- row: AgentProfile
-- :optional
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
where settings.profile_name = :'profile_name';
