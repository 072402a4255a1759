-- name: add :exec
-- Add a customer.
insert into customers (id, name, home) values (:'id', :'name', :'home');

-- name: list :many
-- The names of the customers.
\if :{?age} \else \set age '1 day' \endif
select name from customers where now() - :'age'::interval < now() order by name;
