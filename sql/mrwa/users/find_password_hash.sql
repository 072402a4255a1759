-- The hash to verify a user's password by, for one who is logged in and asked again.
-- :optional
select usr.password_hash
from users as usr
where usr.id = :'user_id';
