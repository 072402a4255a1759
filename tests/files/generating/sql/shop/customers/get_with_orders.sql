-- A customer with the orders there are.
-- :one
select
    customers.id,
    customers.home,
    json_agg(
        json_build_object('id', orders.id, 'date', orders.date, 'price', orders.price) order by orders.id
    ) filter (where orders.id is not null) as orders
from customers
left join orders on orders.customer = customers.id
where customers.id = :'id'
group by customers.id;
