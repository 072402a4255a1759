-- Removes for good the webhooks that were removed, or whose workflow or tenant was, longer ago than their tenant's
-- data_retention_days, one batch; run it until it removes none. Without that setting they are kept.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        webhook.id,
        webhook.tenant_id
    from webhooks as webhook
    inner join workflows as workflow on webhook.workflow_id = workflow.id
    inner join tenants as tenant on webhook.tenant_id = tenant.id
    where
        least(webhook.deleted_at, workflow.deleted_at, tenant.deleted_at)
        < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
    order by webhook.created_at, webhook.id
    limit :'max_rows'
    for update of webhook skip locked
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'webhook' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from webhooks as webhook
using expired
where webhook.id = expired.id;
