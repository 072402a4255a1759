-- name: find :optional
select id, name, bio from authors where id = :'id';

-- name: list_all :many
select id, name, bio from authors order by name, id;

-- name: add :one
insert into authors (name, bio) values (:'name', :'bio') returning id, name, bio;

-- name: remove :exec
delete from authors where id = :'id';
