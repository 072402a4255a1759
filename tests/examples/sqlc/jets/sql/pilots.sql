-- name: add :copy
insert into pilots (id, name) values (:'id', :'name');

-- name: count_all :one
select count(*) from pilots;

-- name: list_first :many
select id, name from pilots order by id limit 5;

-- name: remove :exec
delete from pilots where id = :'id';
