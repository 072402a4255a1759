-- The account that a project publishes with unless told otherwise; none where none is marked.
-- :optional
select
    social.id,
    social.provider,
    social.account_id,
    social.credential_ref,
    social.default_caption,
    social.default_tags,
    social.privacy,
    social.rate_limit_window
from project_socials as link
inner join socials as social on link.social_id = social.id
where
    link.project = :'project'
    and link.is_primary
-- the constraint may be put off to the end of a transaction
order by link.created_at, link.id
limit 1;
