-- Gives a file its next version, or the latest if its content is still that.
-- A function and not a statement, because it looks again, with new eyes, after another writer was faster.

create or replace function add_artifact(
    session_id varchar,
    artifact_type varchar,
    file_path text,
    content_hash varchar,
    metadata jsonb,
    out id integer,
    out version integer,
    out is_new boolean
)
language plpgsql
as $$
declare
    latest artifacts;
begin
    loop
        select artifact.*
        into latest
        from artifacts as artifact
        where
            artifact.session_id = add_artifact.session_id
            and artifact.artifact_type = add_artifact.artifact_type
            and artifact.file_path = add_artifact.file_path
        order by artifact.version desc
        limit 1;

        if latest.content_hash = add_artifact.content_hash then
            id := latest.id;
            version := latest.version;
            is_new := false;
            return;
        end if;

        -- waits for another writer of the same version, and steps back if that one stays
        insert into artifacts as artifact
            (session_id, artifact_type, file_path, content_hash, version, metadata)
        values (
            add_artifact.session_id,
            add_artifact.artifact_type,
            add_artifact.file_path,
            add_artifact.content_hash,
            coalesce(latest.version, 0) + 1,
            add_artifact.metadata
        )
        on conflict on constraint artifacts_version_key do nothing
        returning artifact.id, artifact.version
        into id, version;

        if found then
            is_new := true;
            return;
        end if;
    end loop;
end;
$$;
