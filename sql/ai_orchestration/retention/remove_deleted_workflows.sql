-- Removes for good the workflows that were removed, or whose tenant was, longer ago than their tenant's
-- data_retention_days, one batch with their versions, steps, edges and groups; run it until it removes none.
-- A workflow waits until the last of its runs, schedules and webhooks is gone.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        workflow.id,
        workflow.tenant_id
    from workflows as workflow
    inner join tenants as tenant on workflow.tenant_id = tenant.id
    where
        least(workflow.deleted_at, tenant.deleted_at)
        < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
        and not exists (
            select
            from runs as run
            where run.workflow_id = workflow.id
        )
        and not exists (
            select
            from schedules as schedule
            where schedule.workflow_id = workflow.id
        )
        and not exists (
            select
            from webhooks as webhook
            where webhook.workflow_id = workflow.id
        )
    order by workflow.created_at, workflow.id
    limit :'max_rows'
    for update of workflow skip locked
),

unversioned as (
    delete from workflow_versions as version
    using expired
    where version.workflow_id = expired.id
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'workflow' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from workflows as workflow
using expired
where workflow.id = expired.id;
