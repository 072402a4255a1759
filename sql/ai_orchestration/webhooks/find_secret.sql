-- The key that signs the calls of a webhook, or none if removed or another tenant's: to verify a signature with.
-- :optional
select webhook.secret
from webhooks as webhook
where
    webhook.id = :'webhook_id'
    and webhook.tenant_id = :'tenant_id'
    and webhook.deleted_at is null;
