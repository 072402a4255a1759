-- Personas look things up before they write: documents, and the embeddings by which they are found.

create table kb_documents (
    id uuid default gen_random_uuid(),
    project text,
    persona text,
    path text not null,
    content text not null,
    created_at timestamptz not null default now(),
    constraint kb_documents_pkey primary key (id)
);

-- serves the documents that one persona may read in one project
create index idx_kb_documents_project_persona on kb_documents (project, persona);

create table kb_embeddings (
    id uuid default gen_random_uuid(),
    doc_id uuid not null,
    embedding vector(1536),
    constraint kb_embeddings_pkey primary key (id),
    constraint kb_embeddings_doc_id_fkey foreign key (doc_id) references kb_documents (id) on delete cascade
);

-- serves the deletion of a document, which looks for its embeddings
create index idx_kb_embeddings_doc on kb_embeddings (doc_id);

-- Serves the nearest embeddings by cosine distance. Built over an empty table its lists know nothing of the data
-- (the server says so): reindex once the documents are in.
create index idx_kb_embeddings_cosine on kb_embeddings using ivfflat (embedding vector_cosine_ops);
