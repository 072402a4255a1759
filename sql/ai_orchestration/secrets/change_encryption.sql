-- Puts the same value under another key, unless the secret was changed since it was read.
-- updated_at stays: it tells the age of the value.
-- :batch
with rotated as (
    update secrets as secret
    set encrypted_value = :'encrypted_value'
    where
        secret.id = :'secret_id'
        and secret.tenant_id = :'tenant_id'
        and secret.encrypted_value = :'previous_value'
    returning secret.id
)

insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
select
    :'tenant_id' as tenant_id,
    'update' as action,
    'secret' as resource_type,
    rotated.id as resource_id,
    '{"rotated": true}' as metadata
from rotated;
