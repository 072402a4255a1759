-- Loads documents in bulk, with ids of the caller's, so that their embeddings can be loaded beside them.
-- One without a project, or without a persona, is everybody's.
-- :copy
insert into kb_documents (id, project, persona, path, content)
values (:'id', :'project', :'persona', :'path', :'content');
