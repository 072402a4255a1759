-- A tenant's audit log from one instant until before another, oldest first, row by row: a period may be millions.
-- row: AuditLog
-- :stream
select
    entry.id,
    entry.actor_id,
    entry.actor_email,
    entry.action,
    entry.resource_type,
    entry.resource_id,
    entry.metadata,
    entry.ip_address,
    entry.user_agent,
    entry.created_at
from audit_logs as entry
where
    entry.tenant_id = :'tenant_id'
    and entry.created_at >= :'since'
    and entry.created_at < :'until'
order by entry.created_at, entry.id;
