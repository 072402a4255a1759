-- Removes for good the adapters that were removed, or whose tenant was, longer ago than their tenant's
-- data_retention_days, one batch; run it until it removes none. Without that setting they are kept.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        adapter.id,
        adapter.tenant_id
    from adapters as adapter
    inner join tenants as tenant on adapter.tenant_id = tenant.id
    where
        least(adapter.deleted_at, tenant.deleted_at)
        < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
    order by adapter.created_at, adapter.id
    limit :'max_rows'
    for update of adapter skip locked
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'adapter' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from adapters as adapter
using expired
where adapter.id = expired.id;
