-- Gives a user another address, which is to be proved anew by a token that expires; of it only the SHA-256 is kept.
-- The address of another user is refused by users_email_key, in other letters by users_email_any_case_key.
-- :exec
\if :{?lifetime} \else \set lifetime '24 hours' \endif
update users
set
    email = :'email',
    email_verified = false,
    verification_token = :'verification_token',
    verification_token_expires = now() + :'lifetime'
where id = :'user_id';
