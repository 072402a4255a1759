-- Records a login: the first one creates the user, later ones keep the email, the name and the time up to date.
-- The id is Keycloak's. Nothing comes back, so nobody is let in, if the tenant or the user was removed or if the id
-- is that of another tenant's user. Only the first login gives the role; afterwards it is changed by change_role.
-- First logins of one user at the same instant take turns: on conflict looks at the id, and would let the second one
-- fail at the email.
-- :optional
\if :{?role} \else \set role viewer \endif
with logged_in as (
    insert into users (id, tenant_id, email, name, role, last_login_at)
    select
        :'user_id' as id,
        :'tenant_id' as tenant_id,
        :'email' as email,
        :'name' as name,
        :'role' as role,
        now() as last_login_at
    from tenants as tenant
    cross join pg_advisory_xact_lock(hashtextextended(:'user_id'::uuid::text, 0))
    where
        tenant.id = :'tenant_id'
        and tenant.deleted_at is null
    on conflict (id) do update
        set
            email = excluded.email,
            name = excluded.name,
            last_login_at = excluded.last_login_at,
            updated_at = now()
        where
            users.tenant_id = :'tenant_id'
            and users.deleted_at is null
    returning
        users.id,
        users.email,
        users.name,
        users.role,
        users.last_login_at,
        users.created_at,
        -- only a row that was there before has been locked by this transaction
        users.xmax = 0 as is_new
),

audited as (
    insert into audit_logs (tenant_id, actor_id, actor_email, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        logged_in.id as actor_id,
        logged_in.email as actor_email,
        case when logged_in.is_new then 'create' else 'update' end as action,
        'user' as resource_type,
        logged_in.id as resource_id,
        '{"login": true}' as metadata
    from logged_in
)

select
    logged_in.id,
    logged_in.email,
    logged_in.name,
    logged_in.role,
    logged_in.last_login_at,
    logged_in.created_at,
    logged_in.is_new
from logged_in;
