-- :many
-- name: first :mny
select :'x':'y';
-- name: import :many
select 1
\if :{?x}
, :'x'
-- name: third :one
\endif
;
-- name: fourth
select :"sort"
-- name: my fifth :one
select $1;
-- name: sixth :many
-- name: seventh(a) :one
select :'b';
