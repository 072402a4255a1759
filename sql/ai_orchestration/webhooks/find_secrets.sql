-- The keys that sign the calls of a webhook, to verify a signature with; none if removed or another tenant's.
-- There is an old one too while a key is changed, until its time is over.
-- :optional
select
    webhook.secret,
    case when webhook.old_secret_until > now() then webhook.old_secret end as old_secret
from webhooks as webhook
where
    webhook.id = :'webhook_id'
    and webhook.tenant_id = :'tenant_id'
    and webhook.deleted_at is null;
