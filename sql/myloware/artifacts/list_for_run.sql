-- All that one run has left behind, oldest first.
-- :many
select
    artifact.type,
    artifact.provider,
    artifact.url,
    artifact.metadata,
    artifact.created_at
from artifacts as artifact
where artifact.run_id = :'run_id'
order by artifact.created_at, artifact.id;
