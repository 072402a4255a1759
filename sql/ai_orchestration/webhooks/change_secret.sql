-- Gives a webhook another key; what the old one signed is refused from the commit on.
-- With overlap, such as '1 day', both sign until it is over. A key from before the old one signs nothing more.
-- :exec
with changed as (
    update webhooks as webhook
    set
        secret = :'secret',
\if :{?overlap}
        old_secret = webhook.secret,
        old_secret_until = now() + :'overlap',
\else
        old_secret = null,
        old_secret_until = null,
\endif
        updated_at = now()
    where
        webhook.id = :'webhook_id'
        and webhook.tenant_id = :'tenant_id'
        and webhook.deleted_at is null
    returning webhook.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'webhook' as resource_type,
    changed.id as resource_id,
    '{"rotated": true}' as metadata
from changed;
