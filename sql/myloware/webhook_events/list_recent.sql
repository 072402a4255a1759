-- Webhooks as they came in, newest first, whatever their signature.
-- :many
\if :{?max_events} \else \set max_events 50 \endif
select
    event.provider,
    event.signature_status,
    event.received_at
from webhook_events as event
order by event.received_at desc, event.id
limit :'max_events';
