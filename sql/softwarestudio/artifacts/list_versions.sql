-- Every version of one file of a session, the latest first.
-- row: Artifact
-- :many
select
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
    and artifact.artifact_type = :'artifact_type'
    and artifact.file_path = :'file_path'
order by artifact.version desc;
