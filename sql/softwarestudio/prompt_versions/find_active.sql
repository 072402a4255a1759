-- The prompt a profile uses, or none.
-- row: PromptVersion
-- :optional
select
    prompt.id,
    prompt.version_number,
    prompt.prompt_content,
    prompt.note,
    prompt.is_active,
    prompt.created_at
from prompt_versions as prompt
where
    prompt.profile_name = :'profile_name'
    and prompt.is_active;
