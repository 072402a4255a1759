comment on table venue is null;

alter table venue drop column tags;
