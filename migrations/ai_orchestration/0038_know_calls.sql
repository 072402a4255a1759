-- A call that was sent twice started two runs: nothing told that the second one was the same.
-- A run that a webhook started now knows the webhook, the sender's own id of the delivery if it gave one, and a digest
-- of what was signed. Each is there once for a webhook; the indexes of 0039 hold that.
-- The columns start out null and come without reading a row. Webhooks are few: the lock lasts as long as their index.
-- Not valid binds new rows at once without reading the old ones under a lock; 0040 reads those.

alter table webhooks
    add constraint webhooks_tenant_id_id_key unique (tenant_id, id);

alter table runs
    add column webhook_id uuid,
    add column delivery_id varchar(255),
    add column call_digest varchar(64),
    add constraint runs_tenant_id_webhook_id_fkey
    foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id)
    on delete set null (webhook_id) not valid;
