-- Removes for good the secrets that were removed, or whose tenant was, longer ago than their tenant's
-- data_retention_days, one batch; run it until it removes none. Without that setting they are kept.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        secret.id,
        secret.tenant_id
    from secrets as secret
    inner join tenants as tenant on secret.tenant_id = tenant.id
    where
        least(secret.deleted_at, tenant.deleted_at)
        < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
    order by secret.created_at, secret.id
    limit :'max_rows'
    for update of secret skip locked
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'secret' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from secrets as secret
using expired
where secret.id = expired.id;
