-- The artifacts of one execution, sorted as asked, those without a value last; or only those of one type or verified.
-- The id breaks the tie.
-- sort: created_at, name, type, file_size_bytes
-- :many
\if :{?sort} \else \set sort created_at \endif
select
    artifact.id,
    artifact.type,
    artifact.name,
    artifact.data,
    artifact.file_url,
    artifact.file_size_bytes,
    artifact.mime_type,
    artifact.verified,
    artifact.created_at
from artifacts as artifact
where
    artifact.execution_id = :'execution_id'
\if :{?type}
    and artifact.type = :'type'
\endif
\if :{?verified}
    and artifact.verified = :'verified'
\endif
order by :"sort", artifact.id;
