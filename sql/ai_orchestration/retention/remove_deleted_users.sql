-- Removes for good the users who were removed, or whose tenant was, longer ago than their tenant's
-- data_retention_days, one batch; run it until it removes none. Who is still named by a workflow, a version, a run,
-- a schedule, a webhook or a secret stays until that is gone.
-- across tenants: retention is for all tenants, each by its own setting
-- :exec
\if :{?max_rows} \else \set max_rows 1000 \endif
with expired as (
    select
        member.id,
        member.tenant_id
    from users as member
    inner join tenants as tenant on member.tenant_id = tenant.id
    where
        least(member.deleted_at, tenant.deleted_at)
        < now() - make_interval(days => (tenant.settings -> 'data_retention_days')::integer)
        and not exists (
            select
            from workflows as workflow
            where workflow.created_by = member.id
        )
        and not exists (
            select
            from workflow_versions as version
            where version.published_by = member.id
        )
        and not exists (
            select
            from runs as run
            where run.triggered_by_user = member.id
        )
        and not exists (
            select
            from schedules as schedule
            where schedule.created_by = member.id
        )
        and not exists (
            select
            from webhooks as webhook
            where webhook.created_by = member.id
        )
        and not exists (
            select
            from secrets as secret
            where secret.created_by = member.id
        )
    order by member.created_at, member.id
    limit :'max_rows'
    for update of member skip locked
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, metadata)
    select
        expired.tenant_id,
        'delete' as action,
        'user' as resource_type,
        jsonb_build_object('removed_by_retention', count(*)) as metadata
    from expired
    group by expired.tenant_id
)

delete from users as member
using expired
where member.id = expired.id;
