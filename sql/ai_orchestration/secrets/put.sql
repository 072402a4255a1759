-- Stores a secret under its name, in place of the one that was there, and gives its id; a removed one comes back.
-- The value is encrypted before it gets here: the database never sees what it says.
-- :one
with stored as (
    insert into secrets (tenant_id, name, encrypted_value, created_by)
    values (:'tenant_id', :'name', :'encrypted_value', :'created_by')
    on conflict (tenant_id, name) do update
        set
            encrypted_value = excluded.encrypted_value,
            updated_at = now(),
            deleted_at = null
        where secrets.tenant_id = :'tenant_id'
    returning
        secrets.id,
        secrets.name,
        -- only a row that was there before has been locked by this transaction
        secrets.xmax = 0 as is_new
),

audited as (
    insert into audit_logs (tenant_id, action, resource_type, resource_id, metadata)
    select
        :'tenant_id' as tenant_id,
        case when stored.is_new then 'create' else 'update' end as action,
        'secret' as resource_type,
        stored.id as resource_id,
        jsonb_build_object('name', stored.name) as metadata
    from stored
)

select stored.id
from stored;
