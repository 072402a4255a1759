-- Puts a recorded webhook that could not be processed into the queue, to be replayed after a first delay.
-- One that is there already keeps its place and its attempts, with the newer error; the lease that it was recorded
-- under is over.
-- None where no such webhook is recorded.
-- :optional
\if :{?base} \else \set base '30 seconds' \endif
\if :{?cap} \else \set cap '1 hour' \endif
\if :{?jitter} \else \set jitter 0.2 \endif
insert into webhook_dlq as entry (idempotency_key, provider, headers, payload, error, next_retry_at)
select
    event.idempotency_key,
    event.provider,
    event.headers,
    event.payload,
    :'error' as error,
    now() + retry_delay(0, :'base', :'cap', :'jitter') as next_retry_at
from webhook_events as event
where event.idempotency_key = :'idempotency_key'
on conflict (idempotency_key, provider) do update
set
    error = excluded.error,
    last_error_at = now(),
    next_retry_at = case when entry.retry_count = 0 then excluded.next_retry_at else entry.next_retry_at end
returning entry.id;
