-- Removes webhooks that came more than 90 days ago and are processed, one batch of the oldest; run it until it removes
-- none. One that is queued still, or given up, stays for whoever looks into it.
-- Its key is free again: no provider sends a webhook again after so long.
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
delete from webhook_events
where id in (
    select event.id
    from webhook_events as event
    where
        event.received_at < now() - interval '90 days'
        and event.signature_status = 'valid'
        and not exists (
            select
            from webhook_dlq as entry
            where
                entry.idempotency_key = event.idempotency_key
                and entry.provider = event.provider
        )
    order by event.received_at, event.id
    limit :'max_rows'
    for update of event skip locked
);
