-- Brings a removed secret back with its value; touches no row if it was not removed.
-- :exec
with restored as (
    update secrets as secret
    set deleted_at = null
    where
        secret.id = :'secret_id'
        and secret.tenant_id = :'tenant_id'
        and secret.deleted_at is not null
    returning secret.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'secret' as resource_type,
    restored.id as resource_id,
    '{"restored": true}' as metadata
from restored;
