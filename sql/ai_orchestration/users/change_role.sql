-- Gives a user another role: tenant_admin, builder, operator or viewer.
-- :exec
with changed as (
    update users as member
    set
        role = :'role',
        updated_at = now()
    where
        member.id = :'user_id'
        and member.tenant_id = :'tenant_id'
        and member.deleted_at is null
    returning
        member.id,
        member.role
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'user' as resource_type,
    changed.id as resource_id,
    jsonb_build_object('role', changed.role) as metadata
from changed;
