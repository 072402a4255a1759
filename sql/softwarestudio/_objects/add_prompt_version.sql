-- Gives a profile's prompt its next version, which is not active yet.
-- A function and not a statement, because it looks again, with new eyes, after another writer was faster.

create or replace function add_prompt_version(
    profile_name varchar,
    prompt_content text,
    note text,
    out id integer,
    out version_number integer,
    out created_at timestamptz
)
language plpgsql
as $$
begin
    loop
        -- waits for another writer of the same version, and steps back if that one stays
        insert into prompt_versions as prompt
            (profile_name, version_number, prompt_content, note)
        select
            add_prompt_version.profile_name,
            coalesce(max(earlier.version_number), 0) + 1,
            add_prompt_version.prompt_content,
            add_prompt_version.note
        from prompt_versions as earlier
        where earlier.profile_name = add_prompt_version.profile_name
        on conflict on constraint prompt_versions_profile_name_version_number_key do nothing
        returning prompt.id, prompt.version_number, prompt.created_at
        into id, version_number, created_at;

        exit when found;
    end loop;
end;
$$;
