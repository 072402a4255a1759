-- PostgreSQL has no way back to not valid but to make the constraint again.

alter table runs
    drop constraint runs_tenant_id_webhook_id_fkey,
    add constraint runs_tenant_id_webhook_id_fkey
    foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id)
    on delete set null (webhook_id) not valid;
