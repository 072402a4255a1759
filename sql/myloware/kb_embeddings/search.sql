-- What is nearest to an embedding by cosine distance: of a project's documents and a persona's, everybody's included.
-- A document of which several parts are near comes several times.
-- Where few documents may be read they are compared one by one; where many may, the index is walked, and goes on until
-- enough of what it finds may be read. Without the setting it stops after its first forty, and rows are missing.
-- It is set until the transaction ends, and before the search, which waits for its answer; it takes pgvector 0.8.
-- With min_similarity, what is less similar is left out, so that fewer may come.
-- An embedding of zeros has no direction, so it is near to nothing.
-- :many
\if :{?max_results} \else \set max_results 10 \endif
select
    nearest.doc_id,
    nearest.path,
    nearest.content,
    nearest.distance,
    1 - nearest.distance as similarity
from set_config('hnsw.iterative_scan', 'relaxed_order', true) as scan (mode)
cross join lateral (
    select
        embedding.id,
        embedding.doc_id,
        document.path,
        document.content,
        embedding.embedding <=> :'embedding' as distance
    from kb_embeddings as embedding
    inner join kb_documents as document on embedding.doc_id = document.id
    where
        scan.mode is not null
        and embedding.embedding is not null
\if :{?project}
        and (document.project = :'project' or document.project is null)
\endif
\if :{?persona}
        and (document.persona = :'persona' or document.persona is null)
\endif
    order by embedding.embedding <=> :'embedding'
    limit :'max_results'
) as nearest
where
    nearest.distance <> 'NaN'
\if :{?min_similarity}
    and 1 - nearest.distance >= :'min_similarity'
\endif
order by nearest.distance, nearest.id;
