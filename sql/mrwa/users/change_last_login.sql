-- Notes that a user logged in just now, and touches none where the password was changed since it was verified.
-- :exec
update users
set last_login = now()
where
    id = :'user_id'
    and password_hash = :'verified_hash';
