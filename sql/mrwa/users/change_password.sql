-- Gives a user another password hash, and touches none where the one that was verified is not the user's any more.
-- :exec
update users
set password_hash = :'password_hash'
where
    id = :'user_id'
    and password_hash = :'verified_hash';
