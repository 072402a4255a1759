drop index idx_users_verification_token;

alter table users
    drop column verification_token,
    drop column verification_token_expires;
