-- Records a login of a tenant's user, who is made by the first one.
-- First logins of one user, or with one address, at the same instant take turns: the locks are taken first, and the
-- statements after them see what was committed meanwhile. An address belongs to one user of a tenant: a removed user
-- gives it up to a new id, and keeps the account, the role and the history that nobody gets with the address. That of
-- another user who is not removed is refused.

create or replace function log_in_user(
    of_tenant uuid, of_user uuid, with_email text, with_name text, with_role text default 'viewer'
)
returns table (
    known_id uuid,
    known_email varchar,
    known_name varchar,
    known_role varchar,
    known_login timestamptz,
    known_since timestamptz,
    is_first boolean
)
language plpgsql
as $$
declare
    holder record;
begin
    perform pg_advisory_xact_lock(hashtextextended(of_user::text, 0));
    perform pg_advisory_xact_lock(hashtextextended(format('%s %s', of_tenant, with_email), 0));

    if not exists (
        select
        from tenants as tenant
        where
            tenant.id = of_tenant
            and tenant.deleted_at is null
    ) then
        return;
    end if;

    -- who is not let in changes nothing
    if exists (
        select
        from users as member
        where
            member.id = of_user
            and (member.tenant_id <> of_tenant or member.deleted_at is not null)
    ) then
        return;
    end if;

    select
        member.id,
        member.deleted_at
    into holder
    from users as member
    where
        member.tenant_id = of_tenant
        and member.email = with_email
        and member.id <> of_user;

    if found and holder.deleted_at is null then
        raise unique_violation using
            message = format('the address %s belongs to another user of this tenant', with_email),
            detail = format('That user has the id %s.', holder.id),
            hint = 'Remove that user, or change the address of one of the two in Keycloak.',
            constraint = 'users_tenant_id_email_key',
            table = 'users';
    elsif found then
        update users
        set
            email = format('%s@removed.invalid', id),
            updated_at = now()
        where id = holder.id;

        insert into audit_logs (tenant_id, actor_id, actor_email, action, resource_type, resource_id, metadata)
        values (
            of_tenant, of_user, with_email, 'update', 'user', holder.id, jsonb_build_object('gave_up_address_to', of_user)
        );
    end if;

    return query
    with logged_in as (
        insert into users as member (id, tenant_id, email, name, role, last_login_at)
        values (of_user, of_tenant, with_email, with_name, with_role, now())
        on conflict (id) do update
            set
                email = excluded.email,
                name = excluded.name,
                last_login_at = excluded.last_login_at,
                updated_at = now()
            where
                member.tenant_id = of_tenant
                and member.deleted_at is null
        returning
            member.id,
            member.email,
            member.name,
            member.role,
            member.last_login_at,
            member.created_at,
            -- only a row that was there before has been locked by this transaction
            member.xmax = 0 as is_new
    ),

    audited as (
        insert into audit_logs (tenant_id, actor_id, actor_email, action, resource_type, resource_id, metadata)
        select
            of_tenant,
            logged_in.id,
            logged_in.email,
            case when logged_in.is_new then 'create' else 'update' end,
            'user',
            logged_in.id,
            '{"login": true}'
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
end;
$$;
