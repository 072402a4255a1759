-- Records a webhook once, however often it comes: where it is there already nothing comes back, and nothing is to do.
-- The signature status is the first one's, because that is the one that was acted on. Only a valid webhook takes the
-- place of one of the same provider that was not, or whoever guesses a key could keep the real one out.
-- :optional
insert into webhook_events as event (idempotency_key, provider, headers, payload, signature_status)
values (:'idempotency_key', :'provider', :'headers', :'payload', :'signature_status')
on conflict (idempotency_key) do update
set
    headers = excluded.headers,
    payload = excluded.payload,
    signature_status = excluded.signature_status,
    received_at = excluded.received_at
where
    event.signature_status <> 'valid'
    and excluded.signature_status = 'valid'
    and event.provider = excluded.provider
returning event.id;
