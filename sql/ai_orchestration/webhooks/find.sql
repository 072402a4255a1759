-- One webhook of a tenant without its secret, or none if removed or another tenant's.
-- row: Webhook
-- :optional
select
    webhook.id,
    webhook.workflow_id,
    webhook.name,
    webhook.description,
    webhook.input_mapping,
    webhook.enabled,
    webhook.last_triggered_at,
    webhook.trigger_count,
    webhook.created_by,
    webhook.created_at,
    webhook.updated_at
from webhooks as webhook
where
    webhook.id = :'webhook_id'
    and webhook.tenant_id = :'tenant_id'
    and webhook.deleted_at is null;
