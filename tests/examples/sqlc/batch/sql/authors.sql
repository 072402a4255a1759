-- name: add :one
insert into authors (name, biography) values (:'name', :'biography') returning id;

-- name: find_biography :batch
select authors.id, authors.biography from authors where authors.id = :'id';
