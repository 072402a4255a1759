-- Changes the settings that are given and leaves the others; one given as null is taken out, and so is a null within.
-- The documented ones are data_retention_days and max_concurrent_runs, both whole numbers from one.
-- :exec
with changed as (
    update tenants as tenant
    set
        settings = jsonb_strip_nulls(tenant.settings || :'settings'),
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
    jsonb_build_object('settings', :'settings'::jsonb) as metadata
from changed;
