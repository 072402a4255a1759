-- Two activators at once could leave two active prompts, and which one an agent got was chance.
-- Of several the newest stays active. The documented index idx_prompts_active stays beside the new one: it is
-- the document's. Its table is read but not written meanwhile, so that none is activated in between.

lock table prompt_versions in share row exclusive mode;

update prompt_versions
set is_active = false
where
    is_active
    and exists (
        select
        from prompt_versions as newer
        where
            newer.profile_name = prompt_versions.profile_name
            and newer.is_active
            and newer.version_number > prompt_versions.version_number
    );

create unique index prompt_versions_active_key on prompt_versions (profile_name) where is_active;
