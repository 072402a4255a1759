create index idx_kb_embeddings_cosine_ivfflat on kb_embeddings using ivfflat (embedding vector_cosine_ops);

drop index idx_kb_embeddings_cosine;

alter index idx_kb_embeddings_cosine_ivfflat rename to idx_kb_embeddings_cosine;
