-- A tenant's secret by its name, still encrypted, or none if it was removed.
-- :optional
select
    secret.id,
    secret.encrypted_value
from secrets as secret
where
    secret.tenant_id = :'tenant_id'
    and secret.name = :'name'
    and secret.deleted_at is null;
