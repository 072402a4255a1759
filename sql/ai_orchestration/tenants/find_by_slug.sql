-- The tenant that an address names by its slug, or none if it was removed.
-- across tenants: a request has the slug before it has a tenant
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
    tenant.slug = :'slug'
    and tenant.deleted_at is null;
