-- A user proves an address with a token that expires; until now any address was believed.
-- The document also adds email_verified here, which 0001 already has: the two missing columns are added.

alter table users
    add column verification_token varchar(255),
    add column verification_token_expires timestamp;

-- serves the look-up of the user behind a token; most users have none
create index idx_users_verification_token on users (verification_token)
where verification_token is not null;
