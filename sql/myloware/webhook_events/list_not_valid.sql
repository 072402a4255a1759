-- Webhooks whose signature is invalid or missing, newest first, with their headers to see why.
-- :many
\if :{?max_events} \else \set max_events 20 \endif
select
    event.provider,
    event.headers,
    event.received_at
from webhook_events as event
where event.signature_status <> 'valid'
order by event.received_at desc, event.id
limit :'max_events';
