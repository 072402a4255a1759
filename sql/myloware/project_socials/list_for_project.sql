-- The accounts of a project, the primary one first.
-- :many
select
    link.id,
    link.social_id,
    social.provider,
    social.account_id,
    link.is_primary,
    link.created_at
from project_socials as link
inner join socials as social on link.social_id = social.id
where link.project = :'project'
order by link.is_primary desc, link.created_at, link.id;
