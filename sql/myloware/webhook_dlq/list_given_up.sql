-- Failed webhooks that nobody replays any more, or that are in their last attempt, the latest error first.
-- :many
\if :{?max_entries} \else \set max_entries 50 \endif
select
    entry.id,
    entry.idempotency_key,
    entry.provider,
    entry.error,
    entry.retry_count,
    entry.last_error_at
from webhook_dlq as entry
where entry.next_retry_at = 'infinity'
order by entry.last_error_at desc, entry.id
limit :'max_entries';
