-- The profile of one user.
-- :optional
select
    usr.id,
    usr.email,
    usr.name,
    usr.email_verified,
    usr.metadata,
    usr.created_at,
    usr.updated_at,
    usr.last_login
from users as usr
where usr.id = :'user_id';
