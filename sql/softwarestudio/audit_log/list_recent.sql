-- What happened last, newest first: all of it, of one kind, or of one session.
-- row: AuditEntry
-- :many
\if :{?max_events} \else \set max_events 50 \endif
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
    true
\if :{?event_type}
    and event.event_type = :'event_type'
\endif
\if :{?session_id}
    and event.session_id = :'session_id'
\endif
order by event.created_at desc, event.id desc
limit :'max_events';
