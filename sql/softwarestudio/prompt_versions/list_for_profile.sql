-- The versions of a profile's prompt, the newest first.
-- row: PromptVersion
-- :many
select
    prompt.id,
    prompt.version_number,
    prompt.prompt_content,
    prompt.note,
    prompt.is_active,
    prompt.created_at
from prompt_versions as prompt
where prompt.profile_name = :'profile_name'
order by prompt.version_number desc;
