-- The orders of one customer, newest first.
--
-- A path such as C:\new and a """quote""" harm nobody, and this line is a good deal longer than a line of Python may be.
-- row: Order
-- :many
-- sort: date, price
\if :{?most} \else \set most 20 \endif
\if :{?sort} \else \set sort date \endif
select
    orders.id,
    orders.state,
    orders.date,
    orders.price
from orders
where
    orders.customer = :'customer'
\if :{?state}
    and orders.state = :'state'
\if :{?before}
    and orders.date < :'before'
\endif
\endif
\if :{?noted}
    and orders.note is not null
\endif
order by orders.:"sort" desc, orders.id
limit :'most';
