drop table kb_embeddings;
drop table kb_documents;
