-- The documented ivfflat index sorts embeddings into lists, whose centres it takes from the rows that are there when it
-- is built. A migration builds it over an empty table, so the centres are random: of the ten nearest of 20,000
-- embeddings it found fewer than one (bench/recall.py). To build it again here would mend this database and no new one.
-- hnsw learns from every row that is added and needs no data to begin with. Its name stays the documented one.
-- It is built beside the old one while reads go on; embeddings that are added meanwhile wait.

-- some 80,000 embeddings fit; with more of them building is slower, and no less right
set local maintenance_work_mem = '512MB';

create index idx_kb_embeddings_cosine_hnsw on kb_embeddings using hnsw (embedding vector_cosine_ops);

drop index idx_kb_embeddings_cosine;

alter index idx_kb_embeddings_cosine_hnsw rename to idx_kb_embeddings_cosine;
