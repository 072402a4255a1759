-- Adds a tenant and gives its id; a slug that is taken is refused.
-- across tenants: a new tenant belongs to none that was there before
-- :one
\if :{?settings} \else \set settings {} \endif
with added as (
    insert into tenants (name, slug, settings)
    values (:'name', :'slug', :'settings')
    returning id, name, slug
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        added.id as tenant_id,
        'create' as action,
        'tenant' as resource_type,
        added.id as resource_id,
        jsonb_build_object('name', added.name, 'slug', added.slug) as metadata
    from added
)

select added.id
from added;
