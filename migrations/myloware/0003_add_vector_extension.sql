-- The knowledge base compares texts by embedding, and the vector type is pgvector's: the one extension needed.

create extension if not exists vector;
