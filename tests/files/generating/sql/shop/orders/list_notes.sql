-- The notes there are.
-- :many
select orders.id, orders.note from orders order by orders.id;
