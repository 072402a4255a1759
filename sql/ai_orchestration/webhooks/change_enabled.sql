-- Lets a webhook start runs, or stops it; touches no row if it is so already.
-- :exec
with changed as (
    update webhooks as webhook
    set
        enabled = :'enabled',
        updated_at = now()
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.enabled <> :'enabled'
        and webhook.deleted_at is null
    returning
        webhook.id,
        webhook.enabled
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'webhook' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('enabled', changed.enabled) as metadata
from changed;
