-- One user of a tenant, or none if removed or another tenant's.
-- row: User
-- :optional
select
    member.id,
    member.email,
    member.name,
    member.role,
    member.last_login_at,
    member.created_at,
    member.updated_at
from users as member
where
    member.id = :'user_id'
    and member.tenant_id = :'tenant_id'
    and member.deleted_at is null;
