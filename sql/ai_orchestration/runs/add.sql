-- Asks for a run of a tenant's workflow and gives its id; a worker will claim it.
-- Without a version it is the workflow's present one. None if there is no such published version, or the workflow is
-- removed or another tenant's. A test run needs no published version: it may be of the draft, under the present number.
-- :optional
\if :{?mode} \else \set mode production \endif
\if :{?triggered_by} \else \set triggered_by manual \endif
with added as (
    insert into runs (tenant_id, workflow_id, workflow_version, mode, input, triggered_by, triggered_by_user)
    select
        workflow.tenant_id,
        workflow.id,
        coalesce(:'workflow_version', workflow.version) as workflow_version,
        :'mode' as mode,
        :'input' as input,
        :'triggered_by' as triggered_by,
        :'triggered_by_user' as triggered_by_user
    from workflows as workflow
    where
        workflow.id = :'workflow_id'
        and workflow.tenant_id = :'tenant_id'
        and workflow.deleted_at is null
        and (
            exists (
                select
                from workflow_versions as published
                where
                    published.workflow_id = workflow.id
                    and published.tenant_id = :'tenant_id'
                    and published.version = coalesce(:'workflow_version', workflow.version)
            )
            or (
                cast(:'mode' as varchar) = 'test'
                and workflow.version = coalesce(:'workflow_version', workflow.version)
            )
        )
    returning
        id,
        workflow_id,
        workflow_version,
        mode
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        'execute' as action,
        'run' as resource_type,
        added.id as resource_id,
        jsonb_build_object(
            'workflow_id', added.workflow_id, 'workflow_version', added.workflow_version, 'mode', added.mode
        ) as metadata
    from added
)

select added.id
from added;
