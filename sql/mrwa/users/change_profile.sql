-- Changes what is given of a user's profile, and touches none where there is no such user.
-- The metadata given are merged into those there are, key by key.
-- :exec
update users
set
\if :{?name}
    name = :'name',
\endif
\if :{?metadata}
    metadata = metadata || :'metadata',
\endif
    updated_at = now()
where id = :'user_id';
