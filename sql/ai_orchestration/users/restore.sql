-- Brings a removed user back; touches no row if the user was not removed.
-- :exec
with restored as (
    update users as member
    set deleted_at = null
    where
        member.id = :'user_id'
        and member.tenant_id = :'tenant_id'
        and member.deleted_at is not null
    returning member.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'user' as resource_type,
    restored.id as resource_id,
    '{"restored": true}' as metadata
from restored;
