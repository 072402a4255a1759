-- Lets a project publish with an account, beside those it has.
-- :one
insert into project_socials (project, social_id)
values (:'project', :'social_id')
on conflict (project, social_id) do update set project = excluded.project
returning id;
