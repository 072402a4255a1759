-- :many
/* nothing */
