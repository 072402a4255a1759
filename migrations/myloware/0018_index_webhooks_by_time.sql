-- The latest webhooks were found by reading and sorting all of them, and so would be the oldest, which retention
-- removes.
-- The whole table is read once under a lock that lets readers through; writers wait for it.

-- serves the latest webhooks, and the removal of the oldest
create index idx_webhook_events_received on webhook_events (received_at, id);
