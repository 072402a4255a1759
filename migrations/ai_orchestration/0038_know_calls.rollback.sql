-- A run does not know the call that started it.

alter table runs
    drop constraint runs_tenant_id_webhook_id_fkey,
    drop column call_digest,
    drop column delivery_id,
    drop column webhook_id;

alter table webhooks
    drop constraint webhooks_tenant_id_id_key;
