-- One webhook as it came in, by the key that is its own.
-- :optional
select
    event.id,
    event.idempotency_key,
    event.provider,
    event.headers,
    event.payload,
    event.signature_status,
    event.received_at
from webhook_events as event
where event.idempotency_key = :'idempotency_key';
