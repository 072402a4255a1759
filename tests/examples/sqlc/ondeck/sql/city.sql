-- name: list_all :many
-- row: City
select slug, name from city order by name, slug;

-- name: find :optional
-- row: City
select slug, name from city where slug = :'slug';

-- name: add :one
-- row: City
insert into city (name, slug) values (:'name', :'slug') returning slug, name;

-- name: rename :exec
update city set name = :'name' where slug = :'slug';
