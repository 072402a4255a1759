-- name: get-book(id)^
-- record_class: Book
-- One book.
-- title: nullable in the past
SELECT id, title, author_id FROM books WHERE id = :id

-- name: find_titles
-- All titles of some books; `:this` is no parameter.
select title from books
where id in :ids and title not in :but and title <> ':no' and id % 2 = 1 and id = id::int -- :neither
order by id;

-- name: count-books$
select count(*) from books;

-- name: add-book<!
insert into books (author_id, title) values (:author-id, :book.title) returning id;

-- name: add-books*!
insert into books (author_id, title) values (:author_id, :title);

-- name: rename!
update books set title = :title where id = :id;

-- name: forget-all#
delete from books;
