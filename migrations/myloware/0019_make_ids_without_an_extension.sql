-- A database that was taken over makes its ids by uuid_generate_v4(), and so needs the extension uuid-ossp for ever.
-- The core's function gives the same, and is what a database of ours has from the beginning.

alter table artifacts alter column id set default gen_random_uuid();
alter table webhook_events alter column id set default gen_random_uuid();
alter table webhook_dlq alter column id set default gen_random_uuid();
alter table kb_documents alter column id set default gen_random_uuid();
alter table kb_embeddings alter column id set default gen_random_uuid();
alter table socials alter column id set default gen_random_uuid();
alter table project_socials alter column id set default gen_random_uuid();
