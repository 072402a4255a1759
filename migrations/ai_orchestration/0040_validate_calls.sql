-- Proves the reference of 0038 for the rows that were there before it, while reads and writes go on.

alter table runs
    validate constraint runs_tenant_id_webhook_id_fkey;
