-- Every order, a portion at a time.
-- row: Note
-- :stream
select orders.id, orders.note from orders where orders.price > :'many' order by orders.id;
