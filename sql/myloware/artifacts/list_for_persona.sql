-- What one persona has made in any run, newest first.
-- :many
\if :{?max_artifacts} \else \set max_artifacts 20 \endif
select
    artifact.run_id,
    artifact.type,
    artifact.url,
    artifact.created_at
from artifacts as artifact
where artifact.persona = :'persona'
order by artifact.created_at desc, artifact.id
limit :'max_artifacts';
