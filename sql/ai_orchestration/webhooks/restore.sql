-- Brings a removed webhook back, enabled or not as it was; touches no row if it was not removed.
-- :exec
with restored as (
    update webhooks as webhook
    set deleted_at = null
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.deleted_at is not null
    returning webhook.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'webhook' as resource_type,
    restored.id as resource_id,
    '{"restored": true}' as metadata
from restored;
