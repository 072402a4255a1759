drop table project_socials;
drop table socials;
