-- Removes a secret, which is found no more; touches no row if that was done already.
-- :exec
with removed as (
    update secrets as secret
    set deleted_at = now()
    where
        secret.id = :'secret_id'
        and secret.tenant_id = :'tenant_id'
        and secret.deleted_at is null
    returning secret.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id)
select
    :'tenant_id' as tenant_id,
    'delete' as action,
    'secret' as resource_type,
    removed.id as resource_id
from removed;
