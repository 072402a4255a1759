-- Records a login: the first one creates the user, later ones keep the email, the name and the time up to date.
-- The id is Keycloak's. Nothing comes back, so nobody is let in, if the tenant or the user was removed or if the id
-- is that of another tenant's user. Only the first login gives the role; afterwards it is changed by change_role.
-- The address of a removed user goes over to a new id; the removed account stays as it was, under an address that
-- nobody has. The address of another user of the tenant is refused by a unique violation that says so.
-- :optional
-- name: nullable
-- id: not null
-- email: not null
-- role: not null
-- last_login_at: not null
-- created_at: not null
-- is_new: not null
\if :{?role} \else \set role viewer \endif
select
    known.known_id as id,
    known.known_email as email,
    known.known_name as name,
    known.known_role as role,
    known.known_login as last_login_at,
    known.known_since as created_at,
    known.is_first as is_new
from log_in_user(
    of_tenant => :'tenant_id',
    of_user => :'user_id',
    with_email => :'email',
    with_name => :'name',
    with_role => :'role'
) as known
order by known.known_id
limit 1;
