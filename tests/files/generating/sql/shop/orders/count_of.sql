-- How many orders a customer has.
-- :one
select count(*) as number from orders where customer = :'customer';
