-- who may log in
-- migrate:up
create table users (id serial primary key, name text not null);
insert into users (name) values ('-- migrate:down is only text here');

-- migrate:down
drop table users;
