-- The documents that one persona may read in one project, everybody's included, by path.
-- :many
select
    document.id,
    document.project,
    document.persona,
    document.path,
    document.created_at
from kb_documents as document
where
    (document.project = :'project' or document.project is null)
    and (document.persona = :'persona' or document.persona is null)
order by document.path, document.id;
