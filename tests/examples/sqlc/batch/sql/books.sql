-- name: add :batch
insert into books (author_id, isbn, genre, title, year, available, tags)
values (:'author_id', :'isbn', :'genre', :'title', :'year', :'available', :'tags')
returning id;

-- name: list_by_year :batch
select id, title, year from books where year = :'year' order by id;

-- name: change :batch
update books set title = :'title', tags = :'tags' where id = :'id';

-- name: remove :batch
delete from books where id = :'id';

-- name: remove_one :execrows
delete from books where id = :'id';
