-- name: ListBooks :many
SELECT sqlc.embed(books), authors.name
FROM books JOIN authors ON authors.id = books.author_id
WHERE books.title ILIKE $1 OR $2::int = books.author_id
ORDER BY books.id;
