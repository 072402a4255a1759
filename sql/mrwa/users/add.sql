-- Registers a user and gives the new id, or none where the address is taken, in capitals or not.
-- The password comes hashed by bcrypt, and of the token that will prove the address only the SHA-256.
-- :optional
\if :{?lifetime} \else \set lifetime '24 hours' \endif
insert into users (email, password_hash, name, verification_token, verification_token_expires)
values (:'email', :'password_hash', :'name', :'verification_token', now() + :'lifetime')
on conflict do nothing
returning id;
