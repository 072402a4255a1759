-- The user who logs in with an address, in capitals or not, with the hash to verify the password by.
-- :optional
select
    usr.id,
    usr.password_hash,
    usr.email_verified
from users as usr
where lower(usr.email) = lower(:'email');
