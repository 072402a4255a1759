-- Takes failed webhooks that are due, oldest first, for one worker: no other gets them until the lease is over.
-- Commit before replaying them. A claim is an attempt, whatever becomes of the worker; the last one has no end to its
-- lease, so a webhook that kills its workers is given up like one that fails.
-- next_retry_at is the end of the lease, in the last attempt infinity.
-- next_retry_at: infinity
-- next_retry_at: not null
-- :many
\if :{?max_entries} \else \set max_entries 10 \endif
\if :{?max_retries} \else \set max_retries 8 \endif
\if :{?lease} \else \set lease '5 minutes' \endif
with due as (
    select entry.id
    from webhook_dlq as entry
    where
        entry.next_retry_at is null
        or entry.next_retry_at <= now()
    order by entry.created_at, entry.id
    limit :'max_entries'
    for update skip locked
),

claimed as (
    update webhook_dlq as entry
    set
        retry_count = entry.retry_count + 1,
        next_retry_at = case
            when entry.retry_count + 1 >= :'max_retries' then 'infinity'
            else now() + :'lease'
        end
    from due
    where entry.id = due.id
    returning
        entry.id,
        entry.idempotency_key,
        entry.provider,
        entry.headers,
        entry.payload,
        entry.error,
        entry.retry_count,
        entry.next_retry_at,
        entry.created_at
)

select
    claimed.id,
    claimed.idempotency_key,
    claimed.provider,
    claimed.headers,
    claimed.payload,
    claimed.error,
    claimed.retry_count,
    claimed.next_retry_at
from claimed
order by claimed.created_at, claimed.id;
