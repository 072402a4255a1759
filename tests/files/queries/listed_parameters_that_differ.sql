-- name: first(a, b)^
select :a, :c;
