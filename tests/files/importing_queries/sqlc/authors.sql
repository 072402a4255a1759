-- Everything about authors.

-- name: GetAuthor :one
-- GetAuthor finds one; sort: by nothing.
SELECT * FROM authors
WHERE id = $1 LIMIT 1;

-- name: ListAuthors :many
SELECT * FROM authors
ORDER BY name, id
LIMIT $2 OFFSET $1;

-- name: CreateAuthor :one
INSERT INTO authors (
  name, bio, tags
) VALUES (
  $1, $2, coalesce($3::text[], '{}')
)
RETURNING *;

/* name: UpdateAuthor :execrows */
UPDATE authors
SET
  name = coalesce(sqlc.narg('name'), name),
  bio = coalesce(sqlc.narg('bio')::text, bio)
WHERE id = sqlc.arg(authorID);

-- name: SetBio :exec
UPDATE authors SET bio = sqlc.narg(new_bio) WHERE id = @id::int;

-- name: ListAuthorsByIDs :many
SELECT * FROM authors WHERE id IN (sqlc.slice('ids')) AND id NOT IN (sqlc.slice(without)) ORDER BY id;

-- name: ListTagged :many
SELECT id, tags[1:2]::text[] AS first_tags, '@x $1 sqlc.arg(y)' AS quoted, $$ $1 @z $$ AS body
FROM authors
WHERE tags @> @tags::text[] AND @tags <@ tags AND name NOT LIKE @class || '%' -- @comment $1
ORDER BY id;

-- name: ListBetween :many
SELECT id FROM authors
WHERE born >= $1 AND born < $2 AND length(name) BETWEEN $3 AND $4 AND tags[$5:$6] IS NOT NULL
ORDER BY id;

-- name: LoadAuthors :copyfrom
INSERT INTO authors (name, bio) VALUES ($1, $2);

-- name: RenameAuthors :batchexec
UPDATE authors SET name = $2 WHERE id = $1;

-- name: DeleteAuthor :execresult
DELETE FROM authors WHERE id = $1
