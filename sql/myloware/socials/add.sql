-- Adds an account to publish with; its credentials are elsewhere, and credential_ref says where.
-- :one
insert into socials (
    provider, account_id, credential_ref, default_caption, default_tags, privacy, rate_limit_window
)
values (
    :'provider',
    :'account_id',
    :'credential_ref',
    :'default_caption',
    :'default_tags',
    :'privacy',
    :'rate_limit_window'
)
returning id;
