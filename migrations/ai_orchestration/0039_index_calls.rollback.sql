-- transactional: false
-- A call may start any number of runs again.

drop index concurrently runs_webhook_id_delivery_id_key;

drop index concurrently runs_webhook_id_call_digest_key;
