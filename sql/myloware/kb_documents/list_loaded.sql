-- What is loaded of exactly one project and persona, or of everybody's: by its digest a file can tell whether it has
-- changed, and what has no embedding was not loaded to its end.
-- :many
-- digest: not null
select
    document.path,
    encode(sha256(convert_to(document.content, 'UTF8')), 'hex') as digest,
    exists(
        select
        from kb_embeddings as embedding
        where embedding.doc_id = document.id
    ) as is_embedded
from kb_documents as document
where
    document.project is not distinct from :'project'
    and document.persona is not distinct from :'persona'
    and substr(document.path, 1, length(:'prefix')) = :'prefix'
order by document.path, document.id;
