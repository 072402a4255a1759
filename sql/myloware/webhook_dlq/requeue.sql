-- Makes a webhook ready now, all its attempts before it again: for one that was given up and whose cause is mended.
-- :exec
update webhook_dlq as entry
set
    retry_count = 0,
    next_retry_at = null
where entry.id = :'id';
