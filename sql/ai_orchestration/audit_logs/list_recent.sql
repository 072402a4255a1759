-- One page of a tenant's audit log, newest first.
-- row: AuditLog
-- :many
\if :{?max_entries} \else \set max_entries 50 \endif
\if :{?skipped} \else \set skipped 0 \endif
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
\if :{?action}
    and entry.action = :'action'
\endif
\if :{?resource_type}
    and entry.resource_type = :'resource_type'
\endif
\if :{?resource_id}
    and entry.resource_id = :'resource_id'
\endif
\if :{?actor_id}
    and entry.actor_id = :'actor_id'
\endif
order by entry.created_at desc, entry.id
limit :'max_entries' offset :'skipped';
