-- Takes out what was loaded from some files of exactly one project and persona, or of everybody's, the embeddings with
-- it.
-- :exec
delete from kb_documents as document
where
    document.project is not distinct from :'project'
    and document.persona is not distinct from :'persona'
    and document.path = any(:'paths');
