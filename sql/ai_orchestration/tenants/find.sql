-- A tenant with its settings, or none if it was removed.
-- row: Tenant
-- :optional
select
    tenant.id,
    tenant.name,
    tenant.slug,
    tenant.settings,
    tenant.created_at,
    tenant.updated_at
from tenants as tenant
where
    tenant.id = :'tenant_id'
    and tenant.deleted_at is null;
