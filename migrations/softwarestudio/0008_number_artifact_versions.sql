-- Two writers could give one file the same version; a version is now one of its session, type and path alone.
-- Where a version stands twice, all of that file are numbered anew in the order they were made. New ones wait
-- meanwhile, so that none comes between the numbering and the constraint.

lock table artifacts in share row exclusive mode;

update artifacts
set version = numbered.version
from (
    select
        artifact.id,
        row_number() over (
            partition by artifact.session_id, artifact.artifact_type, artifact.file_path
            order by artifact.created_at, artifact.id
        ) as version
    from artifacts as artifact
    where exists (
        select
        from artifacts as other
        where
            other.session_id = artifact.session_id
            and other.artifact_type = artifact.artifact_type
            and other.file_path = artifact.file_path
        group by other.version
        having count(*) > 1
    )
) as numbered
where
    artifacts.id = numbered.id
    and artifacts.version <> numbered.version;

alter table artifacts
    add constraint artifacts_version_key unique (session_id, artifact_type, file_path, version);
