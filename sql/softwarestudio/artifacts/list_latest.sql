-- The latest version of each file of a session, by type and path.
-- row: Artifact
-- :many
select distinct on (artifact.artifact_type, artifact.file_path)
    artifact.id,
    artifact.artifact_type,
    artifact.file_path,
    artifact.content_hash,
    artifact.version,
    artifact.created_at,
    artifact.metadata
from artifacts as artifact
where
    artifact.session_id = :'session_id'
\if :{?artifact_type}
    and artifact.artifact_type = :'artifact_type'
\endif
order by artifact.artifact_type, artifact.file_path, artifact.version desc;
