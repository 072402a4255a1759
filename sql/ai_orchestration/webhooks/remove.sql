-- Removes a webhook, which starts nothing from then on; touches no row if that was done already.
-- :exec
with removed as (
    update webhooks as webhook
    set deleted_at = now()
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.deleted_at is null
    returning webhook.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'webhook' as resource_type,
    removed.id as resource_id
from removed;
