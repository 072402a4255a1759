-- The names of a tenant's secrets, without their values; removed ones are left out.
-- :many
select
    secret.id,
    secret.name,
    secret.created_by,
    secret.created_at,
    secret.updated_at
from secrets as secret
where
    secret.tenant_id = :'tenant_id'
    and secret.deleted_at is null
order by secret.name, secret.id;
