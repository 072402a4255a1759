-- What was ordered, as far as it is known.
-- payload: tests.files.generating.payloads.Payload
-- :many
select orders.id, orders.payload, orders.tags from orders where orders.payload is not null order by orders.id;
