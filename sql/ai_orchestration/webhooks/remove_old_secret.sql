-- Takes a webhook's old key away before its time is over; touches no row if it has none.
-- :exec
with changed as (
    update webhooks as webhook
    set
        old_secret = null,
        old_secret_until = null,
        updated_at = now()
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.old_secret is not null
        and webhook.deleted_at is null
    returning webhook.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'webhook' as resource_type,
    changed.id as resource_id,
    '{"old_key_removed": true}' as metadata
from changed;
