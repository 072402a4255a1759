-- Opens a session for a user who has logged in, the first of a family, and gives its id.
-- Of the refresh token the SHA-256 comes, as hexadecimal digits: whoever reads this table can use none of the tokens.
-- From PostgreSQL 17 a lifetime of infinity is one that never ends.
-- :one
\if :{?lifetime} \else \set lifetime '30 days' \endif
insert into sessions (user_id, refresh_token, device_info, ip_address, user_agent, expires_at)
values (
    :'user_id', :'refresh_token', :'device_info', :'ip_address', :'user_agent', now() + :'lifetime'
)
returning id;
