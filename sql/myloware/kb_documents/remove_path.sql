-- Takes out what was loaded from a file, its embeddings with it, to load the file anew: of one project, or of all.
-- :exec
delete from kb_documents as document
where
    true
\if :{?project}
    and document.project = :'project'
\endif
    and document.path = :'path';
