-- Erases the tenants that were removed longer ago than their data_retention_days and have nothing left, one batch; run
-- it until it updates none. What is left is a row without name, slug and settings, for the audit log that refers to it
-- and is kept; the slug is free again, and the tenant cannot be restored.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        tenant.id,
        tenant.name,
        tenant.slug
    from tenants as tenant
    where
        tenant.deleted_at < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
        and tenant.erased_at is null
        and not exists (
            select
            from workflows as workflow
            where workflow.tenant_id = tenant.id
        )
        and not exists (
            select
            from runs as run
            where run.tenant_id = tenant.id
        )
        and not exists (
            select
            from users as member
            where member.tenant_id = tenant.id
        )
        and not exists (
            select
            from secrets as secret
            where secret.tenant_id = tenant.id
        )
        and not exists (
            select
            from adapters as adapter
            where adapter.tenant_id = tenant.id
        )
    order by tenant.deleted_at, tenant.id
    limit :'max_rows'
    for update of tenant skip locked
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        expired.id as tenant_id,
        'delete' as action,
        'tenant' as resource_type,
        expired.id as resource_id,
        jsonb_build_object('erased', true, 'name', expired.name, 'slug', expired.slug) as metadata
    from expired
)

update tenants
set
    name = 'erased',
    slug = 'erased-' || expired.id,
    settings = '{}',
    erased_at = now(),
    updated_at = now()
from expired
where tenants.id = expired.id;
