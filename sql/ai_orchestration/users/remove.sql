-- Removes a user, who is let in no more; touches no row if that was done already.
-- :exec
with removed as (
    update users as member
    set deleted_at = now()
    where
        member.id = :'user_id'
        and member.tenant_id = :'tenant_id'
        and member.deleted_at is null
    returning member.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'user' as resource_type,
    removed.id as resource_id
from removed;
