-- Records a webhook once, however often it comes, and queues a valid one to be processed, in the same statement.
-- The outcome is `recorded`; `known` where it is there already and nothing is to do; `other_provider` where the key is
-- another provider's, so that nothing was recorded.
-- The queue's entry is leased to the caller: remove it with webhook_dlq.resolve in the transaction that does the work.
-- A caller that dies leaves it to webhook_dlq.claim, which gives it out when the lease is over. A lease of 0 leaves it
-- to the workers at once.
-- A webhook that is not valid is not queued, and a valid one takes its place, whichever provider either is of: who
-- proves nothing can keep nobody out by guessing a key.
-- :one
-- id: not null
-- outcome: not null
\if :{?lease} \else \set lease '5 minutes' \endif
with delivery as materialized (
    select gen_random_uuid() as id
),

event as (
    insert into webhook_events as known (
        id, idempotency_key, provider, headers, payload, signature_status
    )
    select
        delivery.id,
        :'idempotency_key' as idempotency_key,
        :'provider' as provider,
        :'headers' as headers,
        :'payload' as payload,
        :'signature_status' as signature_status
    from delivery
    -- Never `do nothing`: a webhook that another transaction is recording is not in this statement's snapshot, so
    -- only the row that is set to what it has can tell whose it is.
    on conflict (idempotency_key) do update
    set
        id = case
            when known.signature_status <> 'valid' and excluded.signature_status = 'valid' then excluded.id
            else known.id
        end,
        provider = case
            when known.signature_status <> 'valid' and excluded.signature_status = 'valid' then excluded.provider
            else known.provider
        end,
        headers = case
            when known.signature_status <> 'valid' and excluded.signature_status = 'valid' then excluded.headers
            else known.headers
        end,
        payload = case
            when known.signature_status <> 'valid' and excluded.signature_status = 'valid' then excluded.payload
            else known.payload
        end,
        signature_status = case
            when excluded.signature_status = 'valid' then excluded.signature_status
            else known.signature_status
        end,
        received_at = case
            when known.signature_status <> 'valid' and excluded.signature_status = 'valid' then excluded.received_at
            else known.received_at
        end
    returning id, idempotency_key, provider, headers, payload, signature_status
),

recorded as (
    select event.id
    from event
    inner join delivery on event.id = delivery.id
),

queued as (
    insert into webhook_dlq as entry (
        idempotency_key, provider, headers, payload, error, next_retry_at
    )
    select
        event.idempotency_key,
        event.provider,
        event.headers,
        event.payload,
        'received, and not processed yet' as error,
        now() + :'lease' as next_retry_at
    from event
    inner join recorded on event.id = recorded.id
    where event.signature_status = 'valid'
    -- of a webhook that was not valid, or whose event was removed
    on conflict (idempotency_key, provider) do update
    set
        headers = excluded.headers,
        payload = excluded.payload,
        error = excluded.error,
        retry_count = 0,
        next_retry_at = excluded.next_retry_at,
        last_error_at = now()
    returning entry.id
)

select
    event.id,
    case
        when recorded.id is not null then 'recorded'
        when event.provider = :'provider' then 'known'
        else 'other_provider'
    end as outcome,
    queued.id as queue_id
from event
left join recorded on event.id = recorded.id
left join queued on true;
