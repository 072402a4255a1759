-- One document.
-- :optional
select
    document.id,
    document.project,
    document.persona,
    document.path,
    document.content,
    document.created_at
from kb_documents as document
where document.id = :'id';
