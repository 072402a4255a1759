-- Puts one version of a profile's prompt to use in place of the one that was, and notes the file that holds it.
-- Gives the id of the prompt, or null if there is no such version: then nothing changes.
-- A function and not a statement, because the old one has to rest before the new one is active: the index that
-- allows one active prompt looks at each row as it is written.

create or replace function activate_prompt_version(
    profile_name varchar,
    version_number integer,
    prompt_path text
)
returns integer
language plpgsql
as $$
declare
    activated integer;
begin
    -- one after the other: a second activator sees here what the first has made active
    perform
    from prompt_versions as prompt
    where prompt.profile_name = activate_prompt_version.profile_name
    order by prompt.version_number
    for no key update;

    select prompt.id
    into activated
    from prompt_versions as prompt
    where
        prompt.profile_name = activate_prompt_version.profile_name
        and prompt.version_number = activate_prompt_version.version_number;

    if activated is null then
        return null;
    end if;

    update prompt_versions as prompt
    set is_active = false
    where
        prompt.profile_name = activate_prompt_version.profile_name
        and prompt.is_active
        and prompt.id <> activated;

    update prompt_versions as prompt
    set is_active = true
    where
        prompt.id = activated
        and not prompt.is_active;

    update agent_settings as settings
    set active_prompt_path = prompt_path
    where settings.profile_name = activate_prompt_version.profile_name;

    return activated;
end;
$$;
