-- Takes the address of the user behind a token for proved, and gives the user.
-- A token is good once, and until it expires.
-- verification_token is not unique: two of the same SHA-256 do not occur.
-- :many
-- allow: unordered, as such tokens do not occur twice, one row comes back at most
update users
set
    email_verified = true,
    verification_token = null,
    verification_token_expires = null
where
    verification_token = :'verification_token'
    and verification_token_expires > now()
returning id;
