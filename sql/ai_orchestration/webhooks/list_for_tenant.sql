-- One page of a tenant's webhooks without their secrets; removed ones are left out.
-- row: Webhook
-- :many
-- sort: name, created_at, last_triggered_at, trigger_count
\if :{?sort} \else \set sort name \endif
\if :{?max_webhooks} \else \set max_webhooks 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
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
    webhook.tenant_id = :'tenant_id'
\if :{?workflow_id}
    and webhook.workflow_id = :'workflow_id'
\endif
    and webhook.deleted_at is null
order by :"sort", webhook.id
limit :'max_webhooks' offset :'skipped';
