-- Writes what was done to which resource, in the transaction that does it.
-- Who did it, and from where, is taken from the settings app.actor_id, app.ip_address and app.user_agent.
-- :one
insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
values (:'tenant_id', :'action', :'resource_type', :'resource_id', :'metadata')
returning id;
