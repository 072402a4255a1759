-- name: add :one
insert into authors (name) values (:'name') returning id, name;

-- name: find :optional
select id, name from authors where id = :'id';

-- name: greet :one
-- greeting: not null
select greeting(:'name') as greeting;
