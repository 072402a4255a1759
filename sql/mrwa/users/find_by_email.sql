-- The user who logs in with an address, written exactly as registered, with the hash to verify the password by.
-- :optional
select
    usr.id,
    usr.password_hash,
    usr.email_verified
from users as usr
where usr.email = :'email';
