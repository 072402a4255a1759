-- The notes there are.
-- row: Note
-- :many
select orders.id, orders.note from orders order by orders.id;
