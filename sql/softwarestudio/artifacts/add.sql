-- Adds the next version of a file, or gives the latest if its content hash is the same: then nothing is new.
-- Versions are counted for a session, a type and a path. Without a hash every version is new.
-- id: not null
-- version: not null
-- is_new: not null
-- row: AddedArtifact
-- :one
\if :{?metadata} \else \set metadata {} \endif
select
    artifact.id,
    artifact.version,
    artifact.is_new
from add_artifact(
    :'session_id',
    :'artifact_type',
    :'file_path',
\if :{?content_hash}
    :'content_hash',
\else
    null,
\endif
    :'metadata'
) as artifact;
