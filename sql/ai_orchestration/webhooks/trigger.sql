-- Starts a run of the newest published version for a call whose signature was verified, counts it, and gives the run.
-- Nothing is started or counted if the webhook is disabled or removed, the workflow removed or never published,
-- or the tenant removed. A name of the input mapping gets the first thing its JSONPath finds, null if there is none.
-- :optional
with webhook as (
    update webhooks as called
    set
        trigger_count = called.trigger_count + 1,
        last_triggered_at = now()
    from workflows as workflow
    inner join tenants as tenant on workflow.tenant_id = tenant.id
    where
        called.id = :'webhook_id'
        and called.tenant_id = :'tenant_id'
        and called.enabled
        and called.deleted_at is null
        and workflow.id = called.workflow_id
        and workflow.tenant_id = :'tenant_id'
        and workflow.status = 'published'
        and workflow.deleted_at is null
        and tenant.deleted_at is null
    returning
        called.id,
        called.workflow_id,
        called.input_mapping,
        workflow.version as workflow_version
),

run as (
    insert into runs (tenant_id, workflow_id, workflow_version, triggered_by, input)
    select
        :'tenant_id' as tenant_id,
        webhook.workflow_id,
        webhook.workflow_version,
        'webhook' as triggered_by,
        case
            when webhook.input_mapping is null then :'payload'::jsonb
            else coalesce((
                select
                    jsonb_object_agg(
                        mapped.name,
                        jsonb_path_query_first(:'payload'::jsonb, mapped.path::jsonpath, '{}', true)
                    )
                from jsonb_each_text(webhook.input_mapping) as mapped (name, path)
            ), '{}')
        end as input
    from webhook
    returning
        runs.id,
        runs.workflow_id,
        runs.workflow_version,
        runs.status,
        runs.input,
        runs.created_at
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'execute' as action,
        'run' as resource_type,
        run.id as resource_id,
        jsonb_build_object('webhook_id', webhook.id, 'workflow_id', run.workflow_id) as metadata
    from run
    inner join webhook on run.workflow_id = webhook.workflow_id
)

select
    run.id,
    run.workflow_id,
    run.workflow_version,
    run.status,
    run.input,
    run.created_at
from run;
