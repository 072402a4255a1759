-- Changes what is given of a tenant's schedule; touches no row if it is removed, or another tenant's.
-- A version that is not published is refused by touching none.
-- :exec
with changed as (
    update schedules
    set
\if :{?name}
        name = :'name',
\endif
\if :{?description}
        description = :'description',
\endif
\if :{?workflow_version}
        workflow_version = :'workflow_version',
\endif
\if :{?input}
        input = :'input',
\endif
        updated_at = clock_timestamp()
    where
        id = :'schedule_id'
        and tenant_id = :'tenant_id'
        and deleted_at is null
\if :{?workflow_version}
        and exists (
            select
            from workflow_versions as published
            inner join workflows as workflow on published.workflow_id = workflow.id
            where
                workflow.id = schedules.workflow_id
                and workflow.tenant_id = :'tenant_id'
                and published.tenant_id = :'tenant_id'
                and published.version = :'workflow_version'
        )
\endif
    returning
        id,
        name
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'schedule' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', changed.name) as metadata
from changed;
