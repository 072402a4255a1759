-- Failed webhooks whose time to be replayed has come, oldest first; one without a time is ready now.
-- Nothing is claimed: another worker sees the same entries.
-- next_retry_at: infinity
-- :many
\if :{?max_entries} \else \set max_entries 50 \endif
select
    entry.id,
    entry.provider,
    entry.retry_count,
    entry.next_retry_at
from webhook_dlq as entry
where
    entry.next_retry_at is null
    or entry.next_retry_at <= now()
order by entry.created_at, entry.id
limit :'max_entries';
