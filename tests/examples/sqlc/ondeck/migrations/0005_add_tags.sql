-- Venues are found by their tags.

alter table venue add column tags text[];

comment on table venue is 'Where music is played';
