-- Loads the embeddings of documents in bulk; a document in several parts has several.
-- The index takes some milliseconds for each. Of many thousands it is quicker to drop idx_kb_embeddings_cosine before
-- and to make it again after, as migration 0015 does; searches in between are exact, and slow.
-- :copy
insert into kb_embeddings (doc_id, embedding)
values (:'doc_id', :'embedding');
