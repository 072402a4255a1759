-- Add events.
-- :batch
insert into events (id, tenant_id, name, note, kind, amount, is_open, created_at)
values (:'id', :'tenant_id', :'name', :'note', :'kind', :'amount', :'is_open', :'created_at');
