-- The whole trail of a period, oldest first, for whoever takes it elsewhere; the end of the period is not in it.
-- row: AuditEntry
-- :stream
select
    event.id,
    event.event_type,
    event.session_id,
    event.user_action,
    event.details,
    event.ip_address,
    event.created_at
from audit_log as event
where
    event.created_at >= :'since'
    and event.created_at < :'until'
order by event.created_at, event.id;
