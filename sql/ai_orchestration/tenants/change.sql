-- Gives a tenant another name and slug; a slug that is taken is refused, a removed tenant is not touched.
-- :exec
with changed as (
    update tenants as tenant
    set
        name = :'name',
        slug = :'slug',
        updated_at = now()
    where
        tenant.id = :'tenant_id'
        and tenant.deleted_at is null
    returning tenant.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'tenant' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('name', :'name'::text, 'slug', :'slug'::text) as metadata
from changed;
