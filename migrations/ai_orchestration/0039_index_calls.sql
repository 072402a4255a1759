-- transactional: false
-- Serves webhooks/trigger: whether a call was there before. They also find the runs of a webhook that is deleted.
-- Runs are written to all the time, so each index is built beside the traffic.

create unique index concurrently runs_webhook_id_call_digest_key on runs (webhook_id, call_digest)
where webhook_id is not null;

create unique index concurrently runs_webhook_id_delivery_id_key on runs (webhook_id, delivery_id)
where delivery_id is not null;
