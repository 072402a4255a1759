-- How a profile authenticates, and its key as it was given: encrypted. None if there is no such profile.
-- :optional
select
    settings.auth_type,
    settings.api_key_encrypted
from agent_settings as settings
where settings.profile_name = :'profile_name';
