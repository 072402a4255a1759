-- The state of an order.
-- :optional
select state from orders where id = :'id';
