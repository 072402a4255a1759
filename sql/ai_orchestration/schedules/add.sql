-- Adds a schedule of a published version of a tenant's workflow, the present one if none is given, and gives its id.
-- None if there is no such published version, or the workflow is removed or another tenant's.
-- The next time is worked out before: `dbkit.systems.ai_orchestration.scheduler.add` does so.
-- :optional
-- next_run_at: not null
\if :{?timezone} \else \set timezone UTC \endif
with added as (
    insert into schedules (
        tenant_id,
        workflow_id,
        workflow_version,
        name,
        description,
        cron_expression,
        timezone,
        input,
        next_run_at,
        created_by
    )
    select
        workflow.tenant_id,
        workflow.id,
        published.version,
        :'name' as name,
        :'description' as description,
        :'cron_expression' as cron_expression,
        :'timezone' as timezone,
        :'input' as input,
        :'next_run_at' as next_run_at,
        :'created_by' as created_by
    from workflows as workflow
    inner join workflow_versions as published on workflow.id = published.workflow_id
    where
        workflow.id = :'workflow_id'
        and workflow.tenant_id = :'tenant_id'
        and workflow.deleted_at is null
        and published.tenant_id = :'tenant_id'
        and published.version = coalesce(:'workflow_version', workflow.version)
    returning
        id,
        name,
        workflow_id
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'create' as action,
        'schedule' as resource_type,
        added.id as resource_id,
        jsonb_build_object('name', added.name, 'workflow_id', added.workflow_id) as metadata
    from added
)

select added.id
from added;
