-- Renews the lease of a claimed webhook while its work lasts; it touches none where the attempt is not the latest, so
-- that another worker has the webhook, or where it is resolved. The last attempt has no end to its lease, and keeps it.
-- :exec
\if :{?lease} \else \set lease '5 minutes' \endif
update webhook_dlq as entry
set
    next_retry_at = case
        when entry.next_retry_at = 'infinity' then entry.next_retry_at
        else now() + :'lease'
    end
where
    entry.id = :'id'
    and entry.retry_count = :'retry_count';
