-- row: Order
-- :many
select orders.id, orders.state, orders.date, orders.price from orders where orders.state = 'open' order by orders.id;
