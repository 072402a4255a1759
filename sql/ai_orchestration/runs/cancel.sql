-- Ends a tenant's run that waits or is running; touches no row if it has ended.
-- No step of it can begin any more. One under way stays as it is: nobody here knows how far it comes.
-- :exec
with changed as (
    update runs
    set
        status = 'cancelled',
        completed_at = clock_timestamp()
    where
        id = :'run_id'
        and tenant_id = :'tenant_id'
        and status in ('pending', 'running')
    returning id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'run' as resource_type,
    changed.id as resource_id,
    '{"status": "cancelled"}' as metadata
from changed;
