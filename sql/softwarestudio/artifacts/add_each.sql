-- Adds the next version of many files at once, as one agent leaves them; of an unchanged one the latest comes back.
-- id: not null
-- version: not null
-- is_new: not null
-- row: AddedArtifact
-- :batch
\if :{?metadata} \else \set metadata {} \endif
select
    artifact.id,
    artifact.version,
    artifact.is_new
from add_artifact(:'session_id', :'artifact_type', :'file_path', :'content_hash', :'metadata') as artifact;
