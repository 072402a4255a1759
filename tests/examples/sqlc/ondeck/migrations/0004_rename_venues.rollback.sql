alter table venue drop column created_at;

alter table venue rename to venues;
