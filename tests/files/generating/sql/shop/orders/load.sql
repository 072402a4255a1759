-- Load many orders at once.
-- :copy
insert into orders (customer, note, price) values (:'customer', :'note', :'price');
