-- Makes one of a project's accounts its primary one, and the one before it no longer, at once.
-- All links of the project are locked first, in one order: of two who change it at once the later waits, and has it.
-- None where the project does not have the account; then the one before stays.
-- :optional
with links as materialized (
    select link.id
    from project_socials as link
    where link.project = :'project'
    order by link.id
    for update
),

changed as (
    update project_socials as link
    set is_primary = link.social_id = :'social_id'
    from links
    where
        link.id = links.id
        and exists (
            select
            from project_socials as chosen
            where
                chosen.project = :'project'
                and chosen.social_id = :'social_id'
        )
    returning link.id, link.project, link.social_id, link.is_primary
)

select
    changed.id,
    changed.project,
    changed.social_id
from changed
where changed.is_primary
order by changed.id
limit 1;
