-- One page of a tenant's users; removed ones are left out.
-- row: User
-- :many
-- sort: email, name, role, created_at, last_login_at
\if :{?sort} \else \set sort email \endif
\if :{?max_users} \else \set max_users 20 \endif
\if :{?skipped} \else \set skipped 0 \endif
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
    member.tenant_id = :'tenant_id'
\if :{?role}
    and member.role = :'role'
\endif
    and member.deleted_at is null
order by :"sort", member.id
limit :'max_users' offset :'skipped';
