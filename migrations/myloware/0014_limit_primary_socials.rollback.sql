alter table project_socials
    drop constraint uq_project_socials_link,
    drop constraint project_socials_one_primary;
