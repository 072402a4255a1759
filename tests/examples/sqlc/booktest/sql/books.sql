-- name: add :one
insert into books (author_id, isbn, genre, title, year, available, tags)
values (:'author_id', :'isbn', :'genre', :'title', :'year', :'available', :'tags')
returning id, author_id, isbn, genre, title, year, available, tags;

-- name: list_by_tags :many
select
    books.id,
    books.title,
    authors.name as author,
    books.isbn,
    books.tags
from books
left join authors on books.author_id = authors.id
where books.tags && :'tags'::varchar[]
order by books.id;

-- name: list_by_title :many
select id, genre, title from books where title = :'title' and year = :'year' order by id;

-- name: change :exec
update books set title = :'title', genre = :'genre', tags = :'tags' where id = :'id';

-- name: change_isbn :exec
update books set title = :'title', isbn = :'isbn' where id = :'id';

-- name: remove :exec
delete from books where id = :'id';
