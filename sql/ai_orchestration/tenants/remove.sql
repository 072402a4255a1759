-- Removes a tenant: nobody logs in and no webhook starts anything until it is restored; its rows stay.
-- With a data_retention_days they are deleted that long after, and the tenant is erased but for its audit log.
-- :exec
with removed as (
    update tenants as tenant
    set deleted_at = now()
    where
        tenant.id = :'tenant_id'
        and tenant.deleted_at is null
    returning tenant.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'tenant' as resource_type,
    removed.id as resource_id
from removed;
