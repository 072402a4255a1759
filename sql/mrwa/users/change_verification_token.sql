-- Gives a user another token to prove the address with, and touches none where the address is proved already.
-- The one before is no longer taken.
-- :exec
\if :{?lifetime} \else \set lifetime '24 hours' \endif
update users
set
    verification_token = :'verification_token',
    verification_token_expires = now() + :'lifetime'
where
    id = :'user_id'
    and not email_verified;
