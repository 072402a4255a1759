-- Changes a webhook's name, description and input mapping.
-- :exec
with changed as (
    update webhooks as webhook
    set
        name = :'name',
        description = :'description',
        input_mapping = :'input_mapping',
        updated_at = now()
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.deleted_at is null
    returning
        webhook.id,
        webhook.name,
        webhook.input_mapping
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'webhook' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name, 'input_mapping', changed.input_mapping) as metadata
from changed;
